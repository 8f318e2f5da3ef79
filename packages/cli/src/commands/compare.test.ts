// Comparisons as a person makes them: real runs, their numbers worked out once more from what the collector stored.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { anyPorts, moescope, start, startCollect, temporaryDirectory, tinyRun } from "../testing/moescope.ts";

const steps = 16;
const short = [...tinyRun, "--steps", String(steps)];

it("prints means, spread and differences that follow from the stored numbers, and takes what is finished", async () => {
  const directory = temporaryDirectory();
  const { http } = await startCollect(directory);
  const arms = ["--strategies", "loss-free-bias", "--arm", "strong=auxiliary-loss,balancing.coefficient=0.5"];
  const args = ["compare", ...short, ...arms, "--name", "trial", "--write", "out", "--json"];

  const first = await moescope([...args, "--seeds", "3,4"], directory);
  expect(first.code, first.stderr).toBe(0);
  const result = JSON.parse(first.stdout);
  expect(result).toMatchObject({ name: "trial", arms: [{ name: "loss-free-bias" }, { name: "strong" }], failed: [] });
  for (const arm of result.arms) {
    const expected = await Promise.all(arm.runs.map(({ run }: { run: string }) => recomputed(http, run)));
    for (const [place, run] of arm.runs.entries()) expectClose(run, expected[place]!);
    for (const name of Object.keys(expected[0]!)) {
      const [a, b] = expected.map((values) => values[name]!) as [number, number];
      // Of two values, the sample standard deviation is their distance / √2.
      expectClose(arm[name], { mean: (a + b) / 2, deviation: Math.abs(a - b) / Math.SQRT2 });
    }
  }
  expect(result.arms[0].runs.every(({ biasRange }: { biasRange: number }) => biasRange > 0)).toBe(true);
  expect(result.arms[1].biasRange).toEqual({ n: 0, mean: null, deviation: null });
  expectDifferences(result);
  expectFiles(join(directory, "out"), result);
  await expectTags(http, result);

  const second = await moescope([...args, "--seeds", "4,5"], directory);
  expect(second.stderr.match(/finished already/g)).toHaveLength(2);
  expect(second.stderr.match(/Training on/g)).toHaveLength(2);
  const origins = JSON.parse(second.stdout).arms[0].runs.map(({ seed, origin }: Run) => [seed, origin]);
  expect(origins).toEqual([
    [4, "stored"],
    [5, "trained"],
  ]);
});

interface Run {
  run: string;
  seed: number;
  origin: string;
  [measure: string]: number | string;
}

interface Layer {
  maxViolation: { sum: number };
  categories: { counts: number[] }[];
}

interface Bucket {
  layers: Layer[];
  scalars: { name: string; last: number }[];
}

/** The JSON that the API answers with. */
async function get<Answer>(url: string): Promise<Answer> {
  return (await fetch(url)).json() as Promise<Answer>;
}

/** The measures of a run by formulas of this test's own. */
async function recomputed(http: string, id: string): Promise<Record<string, number>> {
  const run = `${http}/api/v1/runs/${id}`;
  const summary = await get<{ validationLoss: number; validationMaxViolation: number }>(run);
  const { buckets } = await get<{ buckets: Bucket[] }>(`${run}/history?points=2000`);
  expect(buckets).toHaveLength(steps);
  const atEnd = `${run}/history?split=eval&points=1&layers=all&from=${steps - 1}`;
  const [evaluation] = (await get<{ buckets: Bucket[] }>(atEnd)).buckets;
  // One layer: its MaxVio is the mean over layers.
  const maxViolation = buckets.map(({ layers: [layer] }) => layer!.maxViolation.sum);
  const last = maxViolation.slice(-steps / 4);
  const mean = last.reduce((sum, value) => sum + value) / last.length;
  // Four values have the least-squares slope (3 (d − a) + c − b) / 10.
  const [a, b, c, d] = last as [number, number, number, number];
  const slope = (3 * (d - a) + c - b) / 10;
  const residuals = last.map((value, x) => value - mean - slope * (x - 1.5));
  const speeds = buckets.map(({ scalars }) => scalars.find(({ name }) => name === "tokens_per_second")!.last);
  const [lower, upper] = speeds.sort((a, b) => a - b).slice(steps / 2 - 1, steps / 2 + 1) as [number, number];
  return {
    validationLoss: summary.validationLoss,
    maxViolationGlobal: summary.validationMaxViolation,
    maxViolationBatch: mean,
    waver: Math.sqrt(residuals.reduce((sum, value) => sum + value ** 2, 0) / 2),
    tokensPerSecond: (lower + upper) / 2,
    mutualInformation: informationOf(evaluation!.layers[0]!),
  };
}

/** I = Σ p(d, e) log₂ (p(d, e) / (p(d) p(e))), every category of the same weight. */
function informationOf({ categories }: Layer): number {
  const joint = categories.map(({ counts }) => {
    const total = counts.reduce((sum, count) => sum + count);
    return counts.map((count) => count / total / categories.length);
  });
  const ofExpert = joint[0]!.map((_, expert) => joint.reduce((sum, row) => sum + row[expert]!, 0));
  const parts = joint.flatMap((row) =>
    row.map((p, expert) => (p === 0 ? 0 : p * Math.log2((p * categories.length) / ofExpert[expert]!))),
  );
  return parts.reduce((sum, part) => sum + part);
}

function expectClose(actual: Record<string, number>, expected: Record<string, number>): void {
  for (const [name, value] of Object.entries(expected)) {
    const tolerance = 1e-9 * Math.max(1, Math.abs(value));
    expect(Math.abs(actual[name]! - value), `${name}: ${actual[name]} instead of ${value}`).toBeLessThan(tolerance);
  }
}

/** Of two seeds: the interval reaches t(1) = 12.7062 standard errors to both sides. */
function expectDifferences({
  arms,
  differences,
}: {
  arms: { runs: Run[] }[];
  differences: Record<string, never>[];
}): void {
  const measures = ["validationLoss", "maxViolationGlobal", "mutualInformation"];
  expect(differences.map(({ measure }) => measure)).toEqual(measures);
  for (const [place, name] of measures.entries()) {
    const value = (arm: number, seed: number) => arms[arm]!.runs[seed]![name] as number;
    const [a, b] = [value(1, 0) - value(0, 0), value(1, 1) - value(0, 1)];
    const [mean, standardError] = [(a + b) / 2, Math.abs(a - b) / 2];
    const { interval, ...difference } = differences[place]! as unknown as { interval: number[] } & Record<
      string,
      number
    >;
    expectClose(difference, { n: 2, mean, standardError, lower: Number(a < 0) + Number(b < 0) });
    expectClose(
      { low: interval[0]!, high: interval[1]! },
      {
        low: mean - 12.7062 * standardError,
        high: mean + 12.7062 * standardError,
      },
    );
  }
}

function expectFiles(directory: string, { arms }: { arms: { name: string; runs: Run[] }[] }): void {
  const [header, ...rows] = readFileSync(join(directory, "comparison.csv"), "utf8").trim().split("\r\n");
  const columns = header!.split(",");
  const cells = rows.map((row) => row.split(","));
  expect(cells.map((row) => row[columns.indexOf("run")])).toEqual(
    arms.flatMap(({ runs }) => runs.map(({ run }) => run)),
  );
  const losses = arms.flatMap(({ runs }) => runs.map(({ validationLoss }) => String(validationLoss)));
  expect(cells.map((row) => row[columns.indexOf("validationLoss")])).toEqual(losses);
  expect(readFileSync(join(directory, "comparison.md"), "utf8")).toMatch(
    /^\| strong \| 2 \| \d\.\d{4} ± \d\.\d{4} \|/m,
  );
  for (const name of ["loss-against-balance", "balance-over-steps"]) {
    expect(readFileSync(join(directory, `${name}.svg`), "utf8")).toContain("strong</text>");
    expect(existsSync(join(directory, `${name}.png`))).toBe(true);
    expect(readFileSync(join(directory, `${name}.csv`), "utf8")).toContain("loss-free-bias,");
  }
}

async function expectTags(http: string, { arms }: { arms: { runs: Run[] }[] }): Promise<void> {
  const { run } = await get<{ run: object }>(`${http}/api/v1/runs/${arms[1]!.runs[1]!.run}`);
  expect(run).toMatchObject({ name: "strong, seed 4", tags: ["compare=trial", "arm=strong"] });
}

it("stops in order on Ctrl-C, and the same command goes on where it was", async () => {
  const directory = temporaryDirectory();
  const many = 120;
  const args = ["compare", ...tinyRun, "--steps", String(many), "--seeds", "0", ...anyPorts, "--json"];
  const stopped = start(args, directory);
  const [, id] = await stopped.until(/Run 2 of 2: loss-free-bias, seed 0, (\S+)\n[\s\S]*?\n\d+\/120 /);
  const { code, stdout, stderr } = await stopped.signal("SIGINT");
  expect(stderr).toContain("1 of 2 runs are finished; the same command goes on with the others");
  expect({ code, stdout }).toEqual({ code: 130, stdout: "" });

  const goneOn = await moescope(args, directory);
  expect(goneOn.code, goneOn.stderr).toBe(0);
  expect(goneOn.stderr).toMatch(/Run 1 of 2: auxiliary-loss, seed 0: finished already/);
  const { arms } = JSON.parse(goneOn.stdout);
  expect(arms[0].runs).toMatchObject([{ origin: "stored" }]);
  expect(arms[1].runs).toMatchObject([{ origin: "resumed", run: id }]);
  const { runs } = JSON.parse((await moescope(["runs", "--json"], directory)).stdout);
  expect(runs).toMatchObject([
    { run: { id }, state: "FINISHED", lastStep: many - 1 },
    { state: "FINISHED", lastStep: many - 1 },
  ]);
});

it("goes on when a run fails, names it, and ends with exit code 1", async () => {
  const wild = "wild=none,optimizer.learningRate=1e30,optimizer.warmupSteps=1";
  const args = ["compare", ...short, "--seeds", "0", "--arm", wild, "--arm", "calm=none", ...anyPorts];
  const { code, stdout, stderr } = await moescope(args, temporaryDirectory());
  expect(code).toBe(1);
  expect(stderr).toMatch(/Error: 1 run failed; the others are compared above/);
  expect(stdout).toMatch(/^wild +0 +-/m);
  expect(stdout).toMatch(/^calm +1 +\d\.\d{4}/m);
  expect(stdout).toMatch(/Run quick-none-s0-\w+ \(wild, seed 0\) failed: the (loss|gradient norm) is/);
});

describe("whatever is wrong with an arm is said before anything starts", () => {
  const cases: [what: string, args: string[], says: RegExp][] = [
    ["an unknown strategy", ["--strategies", "none,los-free"], /Arm "los-free": Unknown strategy "los-free".*none/],
    ["an arm without a strategy", ["--arm", "mine"], /--arm mine: allowed is NAME=STRATEGY/],
    ["a value of an arm", ["--arm", "a=loss-free-bias,balancing.speed=-1"], /Arm "a": balancing.speed is -1.*from 0/],
    ["a value of one variation", ["--vary", "model.topK=2,99"], /Arm "auxiliary-loss topK=99": model.topK is 99.*1 to/],
    ["a setting that an arm does not have", ["--vary", "balancing.speed=1,2"], /Arm "auxiliary-loss speed=1": Unknown/],
    ["a variation without values", ["--vary", "balancing.speed"], /--vary balancing.speed: allowed is key=value,value/],
    ["two arms of one name", ["--strategies", "none,none"], /Two arms are called "none"/],
    [
      "two arms that are the same",
      ["--arm", "a=none", "--arm", "b=none"],
      /Arms "a" and "b" have the same configuration/,
    ],
    ["a seed that is none", ["--seeds", "0,x"], /'0,x'.*whole numbers from 0/],
    ["a seed twice", ["--seeds", "1,1"], /'1,1'.*every seed stands once/],
    [
      "a place to write that is none",
      ["--write", `${import.meta.filename}/out`],
      /--write .*ENOTDIR.*allowed is a dir/,
    ],
    ["a seed as a setting", ["--set", "seed=5"], /seed is set to 5; --seeds sets it/],
  ];
  it.each(cases)("%s", async (_what, args, says) => {
    const directory = temporaryDirectory();
    const { code, stdout, stderr } = await moescope(["compare", ...args], directory);
    expect(stderr).toMatch(says);
    expect({ code, stdout, started: existsSync(join(directory, "moescope-data")) }).toEqual({
      code: 2,
      stdout: "",
      started: false,
    });
  });
});
