import fc from "fast-check";
import { describe, expect, test } from "vitest";
import golden from "../golden.json" with { type: "json" };
import { contiguousPlacement, maxViolation, rankImbalance, rankLoads, totalLoad } from "./index.ts";
import { holdsForAll, loadsOfTwelve } from "./property.fixture.ts";

const ranksOfTwelve = fc.constantFrom(1, 2, 3, 4, 6, 12);

describe.each(golden.cases)("$name", ({ counts, ranks: cases }) => {
  test.each(cases)("$ranks ranks", ({ ranks, contiguous, greedy, placement }) => {
    const inBlocks = rankImbalance(counts, contiguousPlacement(counts.length, ranks));
    expect(inBlocks.maxViolation).toBeCloseTo(contiguous, 12);
    expect(inBlocks.slowdown).toBeCloseTo(1 + contiguous, 12);
    expect(rankImbalance(counts, placement).maxViolation).toBeCloseTo(greedy, 12);
  });
});

test("every placement holds every expert once, and as many on each rank", () => {
  holdsForAll([loadsOfTwelve, ranksOfTwelve], (counts, ranks) => {
    const placement = contiguousPlacement(12, ranks);
    expect(placement.flat().sort((a, b) => a - b)).toEqual([...counts.keys()]);
    expect(placement.map((experts) => experts.length)).toEqual(Array(ranks).fill(12 / ranks));
    expect(totalLoad(rankLoads(counts, placement))).toBe(totalLoad(counts));
  });
});

test("ranks are never less balanced than their experts; one rank always is, and a rank for each expert is as they are", () => {
  holdsForAll([loadsOfTwelve, ranksOfTwelve], (counts, ranks) => {
    const at = (count: number) => rankImbalance(counts, contiguousPlacement(12, count)).maxViolation;
    expect(at(ranks)).toBeLessThanOrEqual(maxViolation(counts) + 1e-9);
    expect(at(1)).toBe(0);
    expect(at(12)).toBe(maxViolation(counts));
  });
});

test("nothing assigned: NaN", () => {
  expect(rankImbalance([0, 0], contiguousPlacement(2, 2))).toEqual({ maxViolation: Number.NaN, slowdown: Number.NaN });
});

test("experts that cannot be split evenly are refused, naming both numbers", () => {
  expect(() => contiguousPlacement(12, 5)).toThrow(/12 experts cannot be split evenly over 5 ranks/);
});
