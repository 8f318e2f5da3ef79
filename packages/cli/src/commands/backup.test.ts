// A real run kept in a file, deleted, and restored elsewhere: what a collector answers of it is the same.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { moescope, start, startCollect, temporaryDirectory, tinyRun } from "../testing/moescope.ts";

/** Milliseconds; two runs and eight commands, one after another. */
vi.setConfig({ testTimeout: 180_000 });

async function answers(http: string, run: string): Promise<unknown[]> {
  const paths = ["history?layers=all&points=2000", "history?layers=all&split=eval", "probe"];
  return Promise.all(paths.map(async (path) => (await fetch(`${http}/api/v1/runs/${run}/${path}`)).json()));
}

it("keeps a run in a file, deletes it, and restores it with every number it had", async () => {
  const directory = temporaryDirectory();
  const { http } = await startCollect(directory);
  const train = await moescope(["train", ...tinyRun, "--steps", "8", "--json"], directory);
  const { run } = JSON.parse(train.stdout);
  const annotation = { name: "the good one", tags: ["paper"], notes: "kept with the run" };
  const written = await fetch(`${http}/api/v1/runs/${run}/annotation`, {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(annotation),
  });
  expect(written.status).toBe(204);
  const before = await answers(http, run);

  const file = "kept/run.moescope.gz";
  expect(await moescope(["backup", run.slice(0, -2), "--out", file], directory)).toMatchObject({
    code: 0,
    stdout: `${file}\n`,
  });
  expect((await moescope(["backup", run, "--out", file], directory)).code).toBe(2);
  const short = await moescope(["delete", run.slice(0, -2)], directory);
  expect(short).toMatchObject({ code: 2, stderr: expect.stringContaining("There is no run with the id") });
  expect((await moescope(["delete", run], directory)).code).toBe(0);
  expect((await fetch(`${http}/api/v1/runs/${run}`)).status).toBe(404);

  const restored = await moescope(["restore", file, "--json"], directory);
  // Steps, evaluation, probe and end.
  expect(JSON.parse(restored.stdout)).toEqual({ run, messages: 8 + 3, heldBefore: 0 });
  expect(await answers(http, run)).toEqual(before);
  const again = await moescope(["restore", file], directory);
  expect(again.stderr).toContain("11 of 11 messages were stored already");
  expect(await answers(http, run)).toEqual(before);

  // Into a directory that no collector has yet.
  expect((await moescope(["restore", file, "--data", "elsewhere"], directory)).code).toBe(0);
  const shown = async (...data: string[]) => (await moescope(["show", run, "--json", ...data], directory)).stdout;
  const [here, there] = [JSON.parse(await shown()), JSON.parse(await shown("--data", "elsewhere"))];
  expect({ ...there, lastMessageAt: 0 }).toEqual({ ...here, lastMessageAt: 0 });
  expect(there.annotation).toEqual(annotation);
});

it("does not delete a run that is being reported", async () => {
  const directory = temporaryDirectory();
  await startCollect(directory);
  const train = start(["train", ...tinyRun, "--steps", "100000"], directory);
  const [, run] = await train.until(/^Run (\S+)/m);
  await train.until(/loss \d/);
  const { code, stderr } = await moescope(["delete", run!], directory);
  expect(stderr).toContain("is being reported; stop it before it is deleted");
  expect(code).toBe(1);
  await train.signal("SIGINT");
});

it("refuses a file that is cut off, or is no backup", async () => {
  const directory = temporaryDirectory();
  await startCollect(directory);
  const train = await moescope(["train", ...tinyRun, "--steps", "4", "--json"], directory);
  const { run } = JSON.parse(train.stdout);
  await moescope(["backup", run, "--out", "whole.gz"], directory);
  writeFileSync(join(directory, "half.gz"), readFileSync(join(directory, "whole.gz")).subarray(0, -20));
  writeFileSync(join(directory, "text"), "no backup");
  for (const file of ["half.gz", "text"]) {
    const { code, stderr } = await moescope(["restore", file], directory);
    expect(stderr).toContain(`${file} cannot be read as a backup`);
    expect(code).toBe(1);
  }
});
