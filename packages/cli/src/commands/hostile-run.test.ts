// A sender that writes to the terminals of others: what each command prints of its run, from a real collector.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { v1 } from "@moescope/proto";
import { expect, it } from "vitest";
import { RunStream } from "../exchange/run-stream.ts";
import { unprintableIn } from "../testing/hostile-text.ts";
import { anyPorts, moescope, start, startCollect, temporaryDirectory, tinyRun } from "../testing/moescope.ts";

const evil = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202e\x7f\r\nfake line";
const shown = "\\u001b]0;owned\\u0007\\u001b[2J\\u009b31m\\u202e\\u007f\\u000d\\u000afake line";

const description = {
  ...{ id: "evil", name: evil, strategy: evil, recipe: evil, parent: evil, codeVersion: evil },
  ...{ tags: [evil], categories: [evil], configJson: JSON.stringify({ [evil]: evil }) },
  ...{ moeLayers: [0], experts: 2, topK: 1, ranks: 1, startedAt: 1_764_000_000_000 },
};

/** A run that has failed at its first step. */
async function report(address: string, run: v1.RunDescription.$Properties, annotation?: v1.Annotation.$Properties) {
  const stream = new RunStream({ address, access: {} });
  await stream.hello({ run: new v1.RunDescription(run), ...(annotation && { annotation }) }, 0, 0);
  const categories = [{ category: 0, counts: [1, 2], tokens: 3 }];
  const step = { run: run.id, step: 0, split: v1.Split.TRAIN, time: 1, histograms: [{ layer: 0, categories }] };
  await stream.send(1, { step });
  await stream.send(2, { end: { run: run.id, outcome: v1.RunEnd.Outcome.FAILED, reason: evil } });
  await stream.settle();
  stream.close();
}

interface Output {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end, and finds nothing in what it prints that a terminal would act on. */
async function printed(args: readonly string[], directory: string): Promise<Output> {
  const output = await moescope(args, directory);
  for (const text of [output.stdout, output.stderr]) expect(text.split("\n").flatMap(unprintableIn)).toEqual([]);
  return output;
}

it("shows what a sender has put into every text of a run, and lets none of it act on the terminal", async () => {
  const directory = temporaryDirectory();
  const { grpc } = await startCollect(directory);
  await report(grpc, description, { name: evil, tags: [evil], notes: evil });

  const list = await printed(["runs"], directory);
  expect(list.stdout).toContain(shown);
  expect(list.stdout.trimEnd().split("\n")).toHaveLength(3);
  const facts = await printed(["show", "evil"], directory);
  for (const label of ["parent", "categories", "code", "tags", "state"]) {
    expect(facts.stdout).toMatch(new RegExp(`^${label} .*owned`, "m"));
  }
  expect(facts.stdout).toContain(`\n${shown} = ${shown}\n`);
  const watched = await printed(["watch", "evil"], directory);
  expect(watched).toMatchObject({ code: 1, stderr: expect.stringContaining("The run failed: \\u001b]0;owned") });
  expect(watched.stderr.split("\n")).toContain("  fake line");

  const { runs } = JSON.parse((await printed(["runs", "--json"], directory)).stdout);
  expect(runs).toMatchObject([
    { run: description, reason: evil, annotation: { name: evil, tags: [evil], notes: evil } },
  ]);
  const shownAsJson = JSON.parse((await printed(["show", "evil", "--json"], directory)).stdout);
  expect(shownAsJson).toMatchObject({ run: description, reason: evil, configuration: { [evil]: evil } });
});

it("shows a run that says nothing sensible of its start, or of its configuration", async () => {
  const directory = temporaryDirectory();
  const { grpc } = await startCollect(directory);
  // A collector refuses what no calendar has; 0 is of a sender that says nothing.
  const starts = [0];
  const plain = { ...description, name: "plain", categories: ["all"], configJson: "experts=8" };
  for (const [place, startedAt] of starts.entries()) await report(grpc, { ...plain, id: `run${place}`, startedAt });
  for (const place of starts.keys()) {
    const { code, stdout } = await printed(["show", `run${place}`], directory);
    expect(stdout).toMatch(/^started +unknown$/m);
    expect(stdout).toMatch(/^experts=8$/m);
    expect(code).toBe(0);
  }
  expect((await printed(["runs"], directory)).stdout.match(/ unknown /g)).toHaveLength(starts.length);
  const config = await printed(["show", "run0", "--config"], directory);
  expect(config).toMatchObject({ code: 1, stderr: "Error: The configuration of run run0 is not JSON\n" });
});

it("compares arms whose names act on a terminal, trained now and taken from the store", async () => {
  const directory = temporaryDirectory();
  await startCollect(directory);
  const arm = "\x1b[2Jarm|\u009b31m";
  const compare = ["compare", ...tinyRun, "--steps", "2", "--seeds", "0", "--arm", `${arm}=none`, "--name", evil];
  for (const taken of ["Training on", "finished already"]) {
    const { code, stdout, stderr } = await printed([...compare, "--write", "out"], directory);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(taken);
    expect(stderr).toContain("\\u001b[2Jarm|\\u009b31m");
    expect(stdout).toMatch(/^\\u001b\[2Jarm\|\\u009b31m +1 /m);
  }
  const json = JSON.parse((await printed([...compare, "--json"], directory)).stdout);
  expect(json).toMatchObject({ name: evil, arms: [{ name: arm }] });
  // Files keep what it is; in Markdown it stays in its line and in its cell.
  const file = readFileSync(join(directory, "out", "comparison.md"), "utf8");
  expect(file.split("\n")[0]).toBe(`# ${evil.replace("\r\n", "<br>").replaceAll("[", "\\[").replaceAll("]", "\\]")}`);
  expect(file).toContain(`| \x1b\\[2Jarm\\|\u009b31m | 1 |`);
  expect(readFileSync(join(directory, "out", "comparison.csv"), "utf8")).toContain(arm);
});

it("says what was typed wrong without acting on it", async () => {
  const directory = temporaryDirectory();
  for (const wrong of [
    ["\x1b[2J"],
    ["show", "--\x1b[2J"],
    ["runs", "--url", "\x1b[2J"],
    ["runs", "--data", "\x1b[2J"],
  ]) {
    const { code, stderr } = await printed(wrong, directory);
    expect(stderr).toContain("\\u001b[2J");
    expect(code).toBe(2);
  }
});

it("says an error that no one catches without acting on it, and ends", async () => {
  const source = String.raw`process.on("SIGUSR2", () => { throw new Error("\x1b[2J\rfake"); })`;
  const environment = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}` };
  const collect = start(["collect", ...anyPorts], temporaryDirectory(), environment);
  await collect.until(/Ctrl-C/);
  const { code, stderr } = await collect.signal("SIGUSR2");
  expect(stderr).toBe("Error: \\u001b[2J\\u000dfake (unexpected; --verbose shows where)\n");
  expect(code).toBe(1);
});
