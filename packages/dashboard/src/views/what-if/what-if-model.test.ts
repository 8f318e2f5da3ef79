import { droppedAtCapacity } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { layerOf, loadOf } from "../../data/bucket.ts";
import { packLoads } from "../../data/run-loads.ts";
import {
  type SyntheticOptions,
  syntheticBuckets,
  syntheticChosen,
  syntheticStep,
} from "../../testing/synthetic-run.ts";
import { boundNote, dropModel, rankModel } from "./what-if-model.ts";
import type { WhatIfRun } from "./what-if-run.ts";

/** Loads that add up to the same in every step, and waver. */
const options: SyntheticOptions = {
  id: "a",
  layers: [1, 3],
  experts: 8,
  load: (step, layer, expert) => 600 + 40 * ((((step + expert) % 8) - 3.5) * layer),
};

function runOf(count: number, width = 1, cursor = count - 1, from: SyntheticOptions = options): WhatIfRun {
  const chosen = syntheticChosen(from, count);
  const history = v1.History.fromObject({ bucketWidth: width, buckets: syntheticBuckets(count, from, width) });
  return { chosen, loads: packLoads(chosen.run, history), atCursor: syntheticStep(cursor, from), status: "ready" };
}

const shareDropped = (step: number, layer: number, factor: number) =>
  droppedAtCapacity(loadOf(layerOf(syntheticStep(step, options), layer))!.counts, factor).share;

test("steps one by one: the share that metrics says, layer by layer and of all assignments", () => {
  const run = runOf(12);
  const each = dropModel([run], 1.1, "step", true);
  expect(each.series.map(({ id }) => id)).toEqual(["a/1", "a/3"]);
  for (const { layer, points } of each.series) {
    expect(points.map(({ lastStep }) => lastStep)).toEqual([...Array(12).keys()]);
    for (const { y, high, lastStep } of points) {
      expect(y).toBeCloseTo(shareDropped(lastStep, layer!, 1.1), 12);
      expect(high).toBe(y);
    }
  }
  const all = dropModel([run], 1.1, "step", false).series[0]!.points[5]!;
  expect(all.y).toBeCloseTo((shareDropped(5, 1, 1.1) + shareDropped(5, 3, 1.1)) / 2, 4);
  expect(boundNote([run])).toBe("");
});

test("several steps in a point: their true mean is within the band", () => {
  const wide = runOf(32, 8);
  const drops = dropModel([wide], 1.1, "step", true);
  for (const { layer, points } of drops.series) {
    expect(points).toHaveLength(4);
    for (const { y, high, firstStep, lastStep } of points) {
      const steps = Array.from({ length: lastStep - firstStep + 1 }, (_, place) => firstStep + place);
      const truth = steps.reduce((sum, step) => sum + shareDropped(step, layer!, 1.1), 0) / steps.length;
      expect(truth).toBeGreaterThanOrEqual(y);
      expect(truth).toBeLessThanOrEqual(high);
      // Every expert has its turn, so sums alone would see nothing.
      expect(y).toBeLessThan(truth / 2);
    }
  }
  const single = rankModel([runOf(32)], 4, "step", false).series[0]!.points;
  for (const { y, high, firstStep } of rankModel([wide], 4, "step", false).series[0]!.points) {
    const truth = single.slice(firstStep, firstStep + 8).reduce((sum, point) => sum + point.y / 8, 0);
    expect(truth).toBeGreaterThanOrEqual(y - 1e-9);
    expect(truth).toBeLessThanOrEqual(high + 1e-9);
  }
  expect(boundNote([wide])).toContain("1 point = 8 steps: the line is the least");
});

test("the sentence is about the step at the cursor, the worst layer named", () => {
  const sentence = dropModel([runOf(12)], 1.1, "step", false).sentence;
  expect(sentence).toBe(
    // Above 660 are, of 4,800: in layer 3 1,020, 900 and 780; in layer 1 740 and 700.
    "auxiliary-loss would drop 8.8 % of the assignments of step 11, most in layer 3 with 15 %; from a factor of 1.70 on, none.",
  );
  expect(dropModel([runOf(12)], 3, "step", false).sentence).toBe(
    "auxiliary-loss would drop nothing at step 11, where 1.70 is enough.",
  );
  expect(rankModel([runOf(12)], 8, "step", false).sentence).toBe(
    "auxiliary-loss: at step 11 the busiest rank of layer 3, the worst, has 1.70 × the mean load; over all layers the experts take 1.47 × as long as balanced ones.",
  );
  expect(rankModel([runOf(12)], 1, "step", false).sentence).toBe("One rank has all experts and waits for nobody.");
});

test("of several steps together numbers are bounds, and of many runs each gets a few words", () => {
  const several = { ...runOf(12), atCursor: syntheticBuckets(8, options, 8)[0] };
  expect(dropModel([several], 1.02, "step", false).sentence).toMatch(/ would drop at least [^;]*$/);
  const three = ["a", "b", "c"].map((id) => runOf(4, 1, 3, { ...options, id }));
  expect(dropModel(three, 1.1, "step", false).sentence).toBe(
    "Dropped: 8.8 % in auxiliary-loss at step 3, 8.8 % in auxiliary-loss at step 3 and 8.8 % in auxiliary-loss at step 3.",
  );
});

test("what the run dropped itself is said to be missing", () => {
  const run = runOf(4);
  const layers = run.atCursor!.layers!.map((layer) => ({ ...layer, dropped: 1200 }));
  const sentence = dropModel([{ ...run, atCursor: { ...run.atCursor!, layers } }], 1.1, "step", false).sentence;
  // 1,200 of 6,000 in each layer.
  expect(sentence).toContain("The run itself dropped 20 % already");
  const few = run.atCursor!.layers!.map((layer) => ({ ...layer, dropped: 1 }));
  expect(
    dropModel([{ ...run, atCursor: { ...run.atCursor!, layers: few } }], 1.1, "step", false).sentence,
  ).not.toContain("itself");
});

test("nothing here yet, nothing at all, or nothing to be had", () => {
  const run = runOf(4);
  const none = { chosen: run.chosen, loads: undefined, atCursor: undefined };
  expect(dropModel([{ ...none, status: "loading" }], 1, "step", false)).toEqual({
    series: [],
    loading: true,
    sentence: "Loading…",
  });
  expect(rankModel([{ ...none, status: "ready" }], 2, "step", false)).toMatchObject({
    loading: false,
    sentence: "No counts for this split yet.",
  });
  expect(dropModel([{ ...none, status: "failed" }], 1, "step", true).sentence).toBe(
    "The history could not be fetched.",
  );
});
