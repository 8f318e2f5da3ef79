import { coefficientOfVariation, maxViolation, normalisedEntropy, sumHistograms } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import type { Bucket } from "../../data/bucket.ts";
import { packLoads } from "../../data/run-loads.ts";
import { syntheticBuckets, syntheticChosen, syntheticRun } from "../../testing/synthetic-run.ts";
import { windowModel } from "./lines-model.ts";
import { loadWindows } from "./window-model.ts";

const layers = [0, 1];
/** Expert 0 and expert 1 are busy in turns: balanced over two steps, never in one. */
const options = {
  layers,
  experts: 2,
  load: (step: number, _: number, expert: number) => (step % 2 === expert ? 1800 : 600),
};

function loadsOf(buckets: Bucket[], width = 1) {
  return packLoads(syntheticRun(options), v1.History.fromObject({ bucketWidth: width, buckets }));
}

test("a window is as many steps as asked for, and its metrics are of the sums", () => {
  const buckets = syntheticBuckets(6, options);
  const windows = loadWindows(loadsOf(buckets), 2);
  expect(windows.map(({ bucket }) => [bucket.firstStep, bucket.lastStep])).toEqual([
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 4],
    [4, 5],
  ]);
  for (const { layers: metrics } of windows) {
    expect(metrics.map(({ layer }) => layer)).toEqual(layers);
    expect(metrics[0]!.maxViolation).toBeCloseTo(0, 2);
    expect(metrics[0]!.entropy).toBeCloseTo(1, 4);
  }
  const counts = (step: number) =>
    [0, 1].map((expert) =>
      buckets[step]!.layers![0]!.categories!.reduce((sum, category) => sum + category.counts![expert]!, 0),
    );
  const three = loadWindows(loadsOf(buckets), 3)[1]!.layers[0]!;
  const sum = [0, 1].map((expert) => counts(1)[expert]! + counts(2)[expert]! + counts(3)[expert]!);
  expect(three.maxViolation).toBe(maxViolation(sumHistograms([counts(1), counts(2), counts(3)])));
  expect([three.variation, three.entropy]).toEqual([coefficientOfVariation(sum), normalisedEntropy(sum)]);
});

test("a window of one step is that step; of buckets that are longer, the bucket", () => {
  expect(loadWindows(loadsOf(syntheticBuckets(2, options)), 1)[0]!.layers[0]!.maxViolation).toBeCloseTo(0.5, 2);
  const wide = loadWindows(loadsOf(syntheticBuckets(8, options, 4), 4), 2);
  expect(wide.map(({ bucket }) => [bucket.firstStep, bucket.lastStep])).toEqual([
    [0, 3],
    [4, 7],
  ]);
});

test("no window reaches over a restart", () => {
  const buckets = syntheticBuckets(6, options).map((bucket, step) => ({ ...bucket, attempt: step < 3 ? 0 : 1 }));
  const windows = loadWindows(loadsOf(buckets), 2);
  expect(windows.map(({ bucket }) => bucket.firstStep)).toEqual([0, 1, 3, 4]);
});

test("lines of a metric over windows, and what they say at the cursor", () => {
  const windows = loadWindows(loadsOf(syntheticBuckets(6, options)), 2);
  const run = {
    chosen: syntheticChosen(options),
    status: "ready" as const,
    lead: [],
    windows,
    buckets: windows.map(({ bucket }) => bucket),
  };
  const entropy = windowModel([run], "entropy", { axis: "step", lines: "spread", step: 5, steps: 2 });
  expect(entropy.series[0]!.points).toHaveLength(5);
  expect(entropy.sentence).toBe("Averaged over layers: 1.000 in auxiliary-loss at step 5.");
  const short = windowModel([{ ...run, windows: [], buckets: [] }], "entropy", {
    axis: "step",
    lines: "mean",
    step: 5,
    steps: 64,
  });
  expect(short.sentence).toBe("No run has 64 steps in one stretch here.");
});
