import { expect, test } from "vitest";
import { loadOf } from "../../data/bucket.ts";
import { syntheticStep } from "../../testing/synthetic-run.ts";
import { type Arm, armsOf } from "./arms.ts";
import { NO_COLOURS, RUNS } from "./comparison.fixture.ts";
import { differenceModel, differenceTable, type ExpertOrder } from "./difference-model.ts";
import { differenceQueries, differenceSteps } from "./difference-steps.ts";

const [baseline, against] = armsOf(RUNS, "strategy", NO_COLOURS) as [Arm, Arm];

/** Every run is even, but for one expert with twice the load: in auxiliary-loss the one with the seed's number. */
const bucketOf = (id: string, busy: number | undefined) =>
  syntheticStep(7, { id, load: (_, layer, expert) => (layer === 1 && expert === busy ? 1200 : 600) });
const buckets = new Map([
  ["a0", bucketOf("a0", 0)],
  ["a1", bucketOf("a1", 1)],
  ...["f0", "f1", "f2"].map((id) => [id, bucketOf(id, undefined)] as const),
]);
const modelOf = (order: ExpertOrder, of: typeof buckets = buckets) =>
  differenceModel({ baseline, against }, of, order, "over the last tenth of the steps", "ready");

/** 1,200 of 3,000 against a fair share of 750. */
const [BUSY, OTHERS] = [1.6, 0.8];

test("mean relative load of one arm minus the other, cell by cell", () => {
  expect([...loadOf(buckets.get("a0")!.layers![1])!.counts]).toEqual([1200, 600, 600, 600]);
  const { difference, layers, experts, limit } = modelOf("number");
  expect([layers, experts]).toEqual([[0, 1], 4]);
  const mixed = 1 - (BUSY + OTHERS) / 2;
  for (const [cell, expected] of [0, 0, 0, 0, mixed, mixed, 1 - OTHERS, 1 - OTHERS].entries())
    expect(difference[cell]).toBeCloseTo(expected, 9);
  expect(limit).toBeCloseTo(0.2);
});

test("seeds that keep other experts busy even out by number, and not by load", () => {
  const { difference, sentence } = modelOf("load");
  for (const [cell, expected] of [1 - BUSY, 1 - OTHERS, 1 - OTHERS, 1 - OTHERS].entries())
    expect(difference[4 + cell]).toBeCloseTo(expected, 9);
  expect(sentence).toBe(
    "The largest difference over the last tenth of the steps is at the busiest expert of layer 1: in loss-free-bias it gets 0.60 × its share less than in auxiliary-loss. On average an expert's load differs by 0.15.",
  );
});

test("without a difference the scale does not paint noise", () => {
  const even = new Map([...buckets.keys()].map((id) => [id, bucketOf(id, undefined)]));
  expect(modelOf("number", even).limit).toBe(0.1);
});

test("runs with other experts, and layers that did not report, are missing, not zero", () => {
  const other = new Map([...buckets, ["f0", syntheticStep(7, { id: "f0", experts: 8 })]]);
  expect(modelOf("number", other).againstLoad[0]).toBeCloseTo(1);
  const half = new Map([...buckets].map(([id, bucket]) => [id, { ...bucket, layers: bucket.layers!.slice(0, 1) }]));
  expect([...modelOf("number", half).difference.subarray(4)].every(Number.isNaN)).toBe(true);
  expect(modelOf("number", new Map()).sentence).toBe("No layer has counts in both over the last tenth of the steps.");
  expect(differenceModel({ baseline, against }, new Map(), "number", "at step 3", "loading").sentence).toBe("Loading…");
  expect(differenceTable(modelOf("load"))).toHaveLength(1 + 8);
});

test("arms with other numbers of experts cannot be subtracted", () => {
  const wide = { ...against, runs: against.runs.map((run) => ({ ...run, run: { ...run.run, experts: 8 } })) };
  const { sentence } = differenceModel({ baseline, against: wide }, buckets, "number", "at step 3", "ready");
  expect(sentence).toBe("loss-free-bias has 8 experts in a layer and auxiliary-loss 4: there is nothing to subtract.");
});

test("one request for each run that has the steps", () => {
  const asked = (at: "tenth" | "cursor", cursor: { live: boolean; step: number }) =>
    differenceQueries(RUNS.slice(0, 2), "train", { differenceAt: at, attempt: undefined }, cursor).map(
      ({ run, from, to }) => [run, from, to],
    );
  expect(asked("tenth", { live: true, step: 7 })).toEqual([
    ["a0", 7, 7],
    ["a1", 7, 7],
  ]);
  expect(asked("cursor", { live: false, step: 3 })[0]).toEqual(["a0", 3, 3]);
  expect(asked("cursor", { live: true, step: 99 })[0]).toEqual(["a0", 7, 7]);
  expect(asked("cursor", { live: false, step: 8 })).toEqual([]);
  expect(differenceSteps("cursor", { live: false, step: 8 })).toBe("at step 8");
});
