import { describe, expect, test } from "vitest";
import golden from "../golden.json" with { type: "json" };
import {
  busiestExpert,
  coefficientOfVariation,
  deadExperts,
  maxViolation,
  normalisedEntropy,
  relativeLoad,
  sumHistograms,
  totalLoad,
} from "./index.ts";

describe.each(golden.cases)("$name", ({ counts, ...expected }) => {
  test("MaxVio", () => expect(maxViolation(counts)).toBeCloseTo(expected.maxViolation, 12));
  test("CV", () => expect(coefficientOfVariation(counts)).toBeCloseTo(expected.variation, 12));
  test("entropy", () => expect(normalisedEntropy(counts)).toBeCloseTo(expected.entropy, 12));
  test("dead experts", () => expect(deadExperts(counts)).toEqual(expected.dead));
  test("relative load", () => {
    expect([...relativeLoad(counts)]).toEqual(expected.relativeLoad);
  });
  test("no metric depends on which expert is which", () => {
    const reversed = [...counts].reverse();
    expect(maxViolation(reversed)).toBeCloseTo(maxViolation(counts), 12);
    expect(normalisedEntropy(reversed)).toBeCloseTo(normalisedEntropy(counts), 12);
    expect(coefficientOfVariation(reversed)).toBeCloseTo(coefficientOfVariation(counts), 12);
  });
  test("no metric depends on the scale of the loads", () => {
    const scaled = counts.map((count) => count * 1000);
    expect(maxViolation(scaled)).toBeCloseTo(maxViolation(counts), 12);
    expect(deadExperts(scaled)).toEqual(deadExperts(counts));
  });
});

test("MaxVio lies in 0 … E/k − 1", () => {
  // k = 2 of E = 4: two experts take every token.
  expect(maxViolation([10, 10, 0, 0])).toBe(4 / 2 - 1);
});

test("an empty histogram has no MaxVio, no entropy and no dead experts", () => {
  for (const metric of [maxViolation, normalisedEntropy, coefficientOfVariation]) expect(metric([0, 0])).toBeNaN();
  expect(deadExperts([0, 0])).toEqual([]);
  expect(busiestExpert([])).toBe(-1);
});

test("the lowest index wins among equally busy experts", () => {
  expect(busiestExpert([1, 5, 5])).toBe(1);
});

test("histograms add up exactly beyond 32 bits", () => {
  expect([...sumHistograms([new Uint32Array([4294967295, 1]), [4294967295, 2]])]).toEqual([8589934590, 3]);
  expect(totalLoad(sumHistograms([]))).toBe(0);
});

test("histograms of different sizes are refused, naming both sizes", () => {
  expect(() => sumHistograms([[1], [1, 2]])).toThrow(/1 and 2 experts/);
});
