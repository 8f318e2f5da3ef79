import { expect, it } from "vitest";
import { deviationFromLine, lastOf, meanOverLayers, stepsUntilBelow } from "./step-series.ts";

it("counts the steps before MaxVio goes below the limit for good", () => {
  expect(stepsUntilBelow([3, 1, 0.2, 0.3], 0.5, 1)).toBe(2);
  // Below at step 1, but not for good.
  expect(stepsUntilBelow([3, 0.2, 0.9, 0.3, 0.1], 0.5, 1)).toBe(3);
  expect(stepsUntilBelow([0.1, 0.2], 0.5, 1)).toBe(0);
  expect(stepsUntilBelow([0.1, 0.2, 0.6], 0.5, 1)).toBeNaN();
  // Averages of two: 3, 2, 0.6, 0.25.
  expect(stepsUntilBelow([3, 1, 0.2, 0.3], 0.5, 2)).toBe(3);
});

it("takes the end of a series, and at least one value", () => {
  expect(lastOf([1, 2, 3, 4, 5, 6, 7, 8], 0.25)).toEqual([7, 8]);
  expect(lastOf([1], 0.25)).toEqual([1]);
});

it("leaves out layers without load", () => {
  const maxViolationOfLayers = [
    [1, Number.NaN],
    [3, 5],
  ];
  expect(meanOverLayers({ maxViolationOfLayers, dropped: [0, 0], tokensPerSecond: [] })).toEqual([2, 5]);
});

it("does not take a value that falls for one that wavers", () => {
  expect(deviationFromLine([9, 7, 5, 3])).toBeCloseTo(0, 12);
  // About the line 3 − x / 5: residuals −0.3, 0.9, −0.9, 0.3, squares 1.8 over n − 2 = 2.
  expect(deviationFromLine([1, 2, 0, 1].map((y) => y + 1.7))).toBeCloseTo(Math.sqrt(0.9), 12);
  expect(deviationFromLine([1, 2])).toBeNaN();
});
