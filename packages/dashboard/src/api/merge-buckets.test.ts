import { maxViolation, sumHistograms } from "@moescope/metrics";
import { expect, test } from "vitest";
import { syntheticStep } from "../testing/synthetic-run.ts";
import { mergeBuckets } from "./merge-buckets.ts";
import { Timeline } from "./timeline.ts";

const steps = Array.from({ length: 9 }, (_, step) => syntheticStep(step));

test("a merged bucket holds exact sums and the extremes of single steps", () => {
  const merged = steps.reduce((sum, step) => mergeBuckets(sum, step));
  expect([merged.firstStep, merged.lastStep, merged.steps, merged.tokens, merged.time]).toEqual([0, 8, 9, 9000, 4500]);
  const losses = steps.map((_, step) => 4 / (1 + step));
  const loss = merged.scalars![0]!;
  expect(loss).toMatchObject({ values: 9, first: 4, min: losses[8], max: 4, last: losses[8] });
  expect(loss.sum).toBeCloseTo(losses.reduce((a, b) => a + b));
  const layer = merged.layers![1]!;
  const ofSteps = steps.map((step) => sumHistograms(step.layers![1]!.categories!.map(({ counts }) => counts!)));
  expect([...sumHistograms(layer.categories!.map(({ counts }) => counts!))]).toEqual([...sumHistograms(ofSteps)]);
  const ofExpert = (expert: number) => ofSteps.map((counts) => counts[expert]!);
  expect(layer.countsMin).toEqual([0, 1, 2, 3].map((expert) => Math.min(...ofExpert(expert))));
  expect(layer.countsMax).toEqual([0, 1, 2, 3].map((expert) => Math.max(...ofExpert(expert))));
  expect(layer.maxViolation!.max).toBeCloseTo(Math.max(...ofSteps.map((counts) => maxViolation(counts))));
});

test("neither input is changed", () => {
  const [a, b] = [syntheticStep(0), syntheticStep(1)];
  mergeBuckets(a, b);
  expect([a, b]).toEqual([syntheticStep(0), syntheticStep(1)]);
});

test("a NaN loss counts as NaN and leaves the sum of the others alone", () => {
  const merged = mergeBuckets(syntheticStep(0), syntheticStep(1, { loss: () => Number.NaN }));
  expect(merged.scalars![0]).toMatchObject({ values: 1, sum: 4, last: 4, nanValues: 1 });
});

test("a category or a layer that only one bucket has is kept", () => {
  const [a, b] = [syntheticStep(0, { layers: [0] }), syntheticStep(1, { layers: [1] })];
  b.layers![0]!.categories!.splice(1, 1);
  const merged = mergeBuckets(a, b);
  expect(merged.layers!.map(({ layer }) => layer ?? 0)).toEqual([0, 1]);
  expect(
    mergeBuckets(b, syntheticStep(2, { layers: [1] })).layers![0]!.categories!.map((each) => each.category ?? 0),
  ).toEqual([0, 2, 1]);
});

test("a timeline fed step by step is what the collector would answer: power-of-two buckets, anchored at 0", () => {
  const timeline = new Timeline(5);
  for (let step = 0; step < 37; step++) expect(timeline.append(syntheticStep(step), true)).toBe("appended");
  expect(timeline.width).toBe(4);
  expect(timeline.buckets.map(({ firstStep, lastStep }) => [firstStep, lastStep])).toEqual([
    [0, 3],
    [4, 7],
    [8, 11],
    [12, 15],
    [16, 19],
    [20, 23],
    [24, 27],
    [28, 31],
    [32, 35],
    [36, 36],
  ]);
  expect(timeline.buckets[2]).toEqual([8, 9, 10, 11].map((step) => syntheticStep(step)).reduce(mergeBuckets));
});

test("a timeline says when history has to be fetched again, and changes nothing then", () => {
  const timeline = new Timeline(5);
  for (let step = 0; step < 3; step++) timeline.append(syntheticStep(step), true);
  expect(timeline.append(syntheticStep(2), true)).toBe("known");
  expect(timeline.append(syntheticStep(5), true)).toBe("gap");
  expect(timeline.append({ ...syntheticStep(1), attempt: 1 }, true)).toBe("rewound");
  expect(timeline.lastStep).toBe(2);
  expect(timeline.append(syntheticStep(9), false)).toBe("appended");
});
