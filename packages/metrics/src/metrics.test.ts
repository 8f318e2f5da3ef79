// The measures of one histogram, held against answers worked by hand and against what must be true of every histogram.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import golden from "../golden.json" with { type: "json" };
import {
  busiestExpert,
  coefficientOfVariation,
  deadExperts,
  maxViolation,
  meanLoad,
  normalisedEntropy,
  relativeLoad,
  shares,
  sumHistograms,
  summarizeLoad,
  totalLoad,
} from "./index.ts";
import { holdsForAll, loads } from "./property.fixture.ts";

describe.each(golden.cases)("$name", ({ counts, ...expected }) => {
  test("MaxVio", () => expect(maxViolation(counts)).toBeCloseTo(expected.maxViolation, 12));
  test("CV", () => expect(coefficientOfVariation(counts)).toBeCloseTo(expected.variation, 12));
  test("entropy", () => expect(normalisedEntropy(counts)).toBeCloseTo(expected.entropy, 12));
  test("dead experts", () => expect(deadExperts(counts)).toEqual(expected.dead));
  test("relative load", () => expect([...relativeLoad(counts)]).toEqual(expected.relativeLoad));
});

const metrics = { maxViolation, coefficientOfVariation, normalisedEntropy };

describe.each(Object.entries(metrics))("%s", (_, metric) => {
  test("does not depend on which expert is which", () => {
    holdsForAll([loads, fc.infiniteStream(fc.nat())], (counts, keys) => {
      const order = counts.map((count) => ({ count, key: keys.next().value! })).sort((a, b) => a.key - b.key);
      expect(metric(order.map(({ count }) => count))).toBeCloseTo(metric(counts), 9);
    });
  });

  test("does not depend on the scale of the loads", () => {
    holdsForAll([loads, fc.integer({ min: 2, max: 1000 })], (counts, factor) => {
      expect(metric(counts.map((count) => count * factor))).toBeCloseTo(metric(counts), 9);
    });
  });

  test("is at its best for equal loads", () => {
    holdsForAll([fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 1000 })], (experts, load) => {
      expect(metric(Array(experts).fill(load))).toBeCloseTo(metric === normalisedEntropy ? 1 : 0, 12);
    });
  });

  test("says nothing of an empty histogram", () => {
    expect(metric([0, 0])).toBeNaN();
    expect(metric([])).toBeNaN();
  });
});

test("a summary of a load says what the measures say one by one", () => {
  const inOneByOne = (counts: ArrayLike<number>) => ({
    maxViolation: maxViolation(counts),
    busiestExpert: busiestExpert(counts),
    deadExperts: deadExperts(counts).length,
  });
  holdsForAll([loads], (counts) => {
    expect(summarizeLoad(counts)).toEqual(inOneByOne(counts));
  });
  for (const counts of [[], [0], [0, 0, 0]]) expect(summarizeLoad(counts)).toEqual(inOneByOne(counts));
});

test("measures stay in the range that their comments give", () => {
  holdsForAll([loads], (counts) => {
    const experts = counts.length;
    for (const [metric, most] of [
      [maxViolation, experts - 1],
      [coefficientOfVariation, Math.sqrt(experts - 1)],
      [normalisedEntropy, 1],
    ] as const) {
      expect(metric(counts)).toBeGreaterThanOrEqual(-1e-12);
      expect(metric(counts)).toBeLessThanOrEqual(most + 1e-9);
    }
  });
});

test("moving load from a busier expert to a less busy one never makes balance worse", () => {
  holdsForAll([loads, fc.nat(), fc.nat()], (counts, a, b) => {
    const [more, less] = [a % counts.length, b % counts.length].sort((x, y) => counts[y]! - counts[x]!) as [
      number,
      number,
    ];
    const moved = [...counts];
    const amount = Math.floor((counts[more]! - counts[less]!) / 2);
    moved[more]! -= amount;
    moved[less]! += amount;
    for (const metric of [maxViolation, coefficientOfVariation]) {
      expect(metric(moved)).toBeLessThanOrEqual(metric(counts) + 1e-9);
    }
    expect(normalisedEntropy(moved)).toBeGreaterThanOrEqual(normalisedEntropy(counts) - 1e-9);
  });
});

test("MaxVio is at most E/k − 1 when every token chooses k experts", () => {
  // k = 2 of E = 4: two experts take every token.
  expect(maxViolation([10, 10, 0, 0])).toBe(4 / 2 - 1);
});

test("relative loads have a mean of 1, and the busiest is MaxVio + 1", () => {
  holdsForAll([loads], (counts) => {
    expect(meanLoad(relativeLoad(counts))).toBeCloseTo(1, 9);
    expect(Math.max(...relativeLoad(counts))).toBeCloseTo(maxViolation(counts) + 1, 9);
  });
});

test("shares add up to 1 and keep the proportions", () => {
  holdsForAll([loads], (counts) => {
    const parts = shares(counts);
    expect(totalLoad(parts)).toBeCloseTo(1, 9);
    expect(parts.map((share) => share * totalLoad(counts)).every((n, i) => Math.abs(n - counts[i]!) < 1e-6)).toBe(true);
  });
  expect([...shares([0, 0])]).toEqual([Number.NaN, Number.NaN]);
});

test("a dead expert is below the threshold, and no other is", () => {
  holdsForAll([loads, fc.double({ min: 0.001, max: 1, noNaN: true })], (counts, share) => {
    const dead = deadExperts(counts, share);
    const expected = counts.flatMap((n, e) => (n === 0 || n / meanLoad(counts) < share - 1e-12 ? [e] : []));
    const allowed = counts.flatMap((n, e) => (n === 0 || n / meanLoad(counts) < share + 1e-12 ? [e] : []));
    expect(dead).toEqual(expect.arrayContaining(expected));
    expect(allowed).toEqual(expect.arrayContaining(dead));
  });
});

test("an empty histogram has no dead experts and no busiest one", () => {
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
