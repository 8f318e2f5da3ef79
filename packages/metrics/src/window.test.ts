// The measures of a window of steps.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import golden from "../golden.json" with { type: "json" };
import { deadExpertsOver, globalMaxViolation, maxViolation, setToSum, sumHistograms, totalLoad } from "./index.ts";
import { holdsForAll, loadsByCategory } from "./property.fixture.ts";

describe.each(golden.windows)("$name", ({ histograms, ...expected }) => {
  test("global MaxVio", () => expect(globalMaxViolation(histograms)).toBeCloseTo(expected.globalMaxViolation, 12));
  test("dead experts", () => expect(deadExpertsOver(histograms)).toEqual(expected.dead));
});

test("global MaxVio is at most the mean of the batches, weighted by their assignments", () => {
  holdsForAll([loadsByCategory], (steps) => {
    const total = steps.reduce((sum, counts) => sum + totalLoad(counts), 0);
    const mean = steps.reduce((sum, counts) => sum + (maxViolation(counts) * totalLoad(counts)) / total, 0);
    expect(globalMaxViolation(steps)).toBeLessThanOrEqual(mean + 1e-9);
  });
});

test("an expert that is dead in every step is dead over the window, and the order of steps makes no difference", () => {
  holdsForAll([loadsByCategory, fc.nat()], (steps, which) => {
    const expert = which % steps[0]!.length;
    const starved = steps.map((counts) => counts.map((count, e) => (e === expert ? 0 : count + 1)));
    if (starved[0]!.length > 1) expect(deadExpertsOver(starved)).toContain(expert);
    expect(deadExpertsOver(steps.toReversed())).toEqual(deadExpertsOver(steps));
  });
});

test("the sum of two histograms is the same whatever was in its place", () => {
  holdsForAll([loadsByCategory], ([first, second = []]) => {
    if (first!.length !== second.length) return;
    const sum = new Float64Array(first!.length).fill(7);
    setToSum(sum, first!, second);
    expect(sum).toEqual(sumHistograms([first!, second]));
  });
  const sum = new Float64Array(5);
  setToSum(sum, [1, 2, 3, 4, 2 ** 32 - 1], new Uint32Array([0, 1, 2, 3, 2 ** 32 - 1]));
  expect([...sum]).toEqual([1, 3, 5, 7, 2 ** 33 - 2]);
});

test("an empty window says nothing", () => {
  expect(globalMaxViolation([])).toBeNaN();
  expect(globalMaxViolation([[0, 0]])).toBeNaN();
  expect(deadExpertsOver([])).toEqual([]);
});
