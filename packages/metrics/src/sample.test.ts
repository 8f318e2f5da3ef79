import { expect, test } from "vitest";
import { pairedDifference, sampleOf, studentT975 } from "./index.ts";

test("takes the mean and the sample standard deviation, and leaves out what is missing", () => {
  // Deviations −2, 0, 2: squares add up to 8, over n − 1 = 2.
  expect(sampleOf([1, Number.NaN, 3, 5])).toEqual({ n: 3, mean: 3, deviation: 2 });
  expect(sampleOf([7])).toEqual({ n: 1, mean: 7, deviation: Number.NaN });
  expect(sampleOf([Number.NaN])).toEqual({ n: 0, mean: Number.NaN, deviation: Number.NaN });
});

test("pairs differences by seed", () => {
  const difference = pairedDifference([-0.1, -0.3, -0.2]);
  expect(difference).toMatchObject({ n: 3, lower: 3, higher: 0 });
  expect(difference.mean).toBeCloseTo(-0.2, 12);
  expect(difference.standardError).toBeCloseTo(0.1 / Math.sqrt(3), 12);
  // t of 2 degrees of freedom is 4.3027.
  expect(difference.interval[0]).toBeCloseTo(-0.2 - (4.3027 * 0.1) / Math.sqrt(3), 6);
  expect(difference.interval[1]).toBeCloseTo(-0.2 + (4.3027 * 0.1) / Math.sqrt(3), 6);
});

test("has no interval for a single seed", () => {
  const { standardError, interval } = pairedDifference([0.5]);
  expect([standardError, ...interval]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
});

test("knows Student's t, from a table and beyond it", () => {
  // As printed in tables: 2.2010 for 11, 2.0860 for 20, 1.9840 for 100.
  expect(studentT975(1)).toBe(12.7062);
  expect(studentT975(11)).toBeCloseTo(2.201, 3);
  expect(studentT975(20)).toBeCloseTo(2.086, 4);
  expect(studentT975(100)).toBeCloseTo(1.984, 4);
});
