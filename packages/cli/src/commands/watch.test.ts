// Real runs that go wrong, each in its way, and one that does not: what fires, whom it names, and how `watch` ends.
import { expect, it, vi } from "vitest";
import { anyPorts, moescope, start, temporaryDirectory, tinyRun } from "../testing/moescope.ts";

/** Milliseconds; a collector and up to two runs. */
vi.setConfig({ testTimeout: 180_000 });

const small = [...tinyRun, "--set", "model.experts=8", "--set", "probe.every=0", "--strategy", "none"];
const set = (...values: string[]) => values.flatMap((value) => ["--set", value]);

async function startCollect(directory: string): Promise<void> {
  await start(["collect", ...anyPorts, "--alert-window", "20"], directory).until(/Ctrl-C/);
}

async function trained(directory: string, args: string[]): Promise<string> {
  const { stdout } = await moescope(["train", ...small, "--json", ...args], directory);
  return JSON.parse(stdout).run;
}

it("ends with exit code 3 while a run collapses, so that a script can stop it", async () => {
  const directory = temporaryDirectory();
  await startCollect(directory);
  const train = start(["train", ...small, "--steps", "100000", ...set("optimizer.learningRate=0.02")], directory);
  const [, run] = await train.until(/^Run (\S+)/m);
  await train.until(/loss \d/); // the collector knows it by then
  const watch = await moescope(["watch", run!, "--rules", "collapse", "--json"], directory);
  expect(watch.code, watch.stderr).toBe(3);
  const alert = JSON.parse(watch.stdout.trim().split("\n").at(-1)!);
  expect(alert).toMatchObject({ run, rule: "COLLAPSE", layer: 0, over: false, threshold: 1 });
  expect(alert.value).toBeGreaterThan(1);
  expect(alert.experts).toHaveLength(1);
  expect((await train.signal("SIGINT")).code).toBe(130);
});

it("ends with exit code 0 when a balanced run ends, and keeps silent about it", async () => {
  const directory = temporaryDirectory();
  await startCollect(directory);
  const run = await trained(directory, ["--steps", "80", "--strategy", "loss-free-bias"]);
  expect(await moescope(["watch", run], directory)).toMatchObject({ code: 0, stdout: "" });
});

it.each([
  {
    what: "experts that died",
    settings: ["model.topK=1", "model.normaliseGates=false", "optimizer.learningRate=0.3"],
    says: /layer 0 has dead experts: [\d, ]+, since step \d+/,
    rule: "dead-experts",
  },
  {
    what: "dropped assignments",
    settings: ["model.capacityFactor=1", "optimizer.learningRate=0.02"],
    says: /layer 0 drops \d+\.\d % of its assignments, above 10\.0 %, since step \d+/,
    rule: "drops",
  },
  {
    what: "a loss that is no number",
    settings: ["optimizer.learningRate=1e30", "optimizer.warmupSteps=1"],
    says: /the loss is not a finite number, since step \d+/,
    rule: "not-a-number",
  },
])("tells of $what, after the run too", async ({ settings, says, rule }) => {
  const directory = temporaryDirectory();
  await startCollect(directory);
  const run = await trained(directory, ["--steps", "80", ...set(...settings)]);
  const watch = await moescope(["watch", run, "--rules", rule], directory);
  expect(watch.stdout).toMatch(says);
  expect(watch.code).toBe(3);
});

it("refuses a rule that there is not", async () => {
  const { code, stderr } = await moescope(["watch", "r", "--rules", "colapse"], temporaryDirectory());
  expect(code).toBe(2);
  expect(stderr).toMatch(/"colapse" is no rule; allowed are collapse, dead-experts, not-a-number, drops, silence/);
});
