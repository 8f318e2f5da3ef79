import { describe, expect, test } from "vitest";
import golden from "../golden.json" with { type: "json" };
import {
  jensenShannonDivergence,
  meanJensenShannonDivergence,
  mutualInformation,
  mutualInformationBias,
  normalisedMutualInformation,
  shares,
  totalLoad,
} from "./index.ts";
import { holdsForAll, loads, loadsByCategory } from "./property.fixture.ts";

const weightings = [
  ["uniform", "uniform"],
  ["tokens weighted", "tokens"],
] as const;

describe.each(golden.categories)("$name", ({ counts, ...expected }) => {
  test.each(weightings)("%s", (name, weighting) => {
    const { information, normalised, bias } = expected[name];
    expect(mutualInformation(counts, { weighting })).toBeCloseTo(information, 12);
    expect(normalisedMutualInformation(counts, { weighting })).toBeCloseTo(normalised, 12);
    expect(mutualInformationBias(counts, { weighting })).toBeCloseTo(bias, 12);
    expect(mutualInformation(counts, { weighting, correctBias: true })).toBeCloseTo(information - bias, 12);
  });
  test("divergence of the first two categories, and of all pairs", () => {
    expect(jensenShannonDivergence(counts[0]!, counts[1]!)).toBeCloseTo(expected.divergence, 12);
    expect(meanJensenShannonDivergence(counts)).toBeCloseTo(expected.meanDivergence, 12);
  });
});

test("uniform weights are what is meant when nothing is said", () => {
  const counts = [
    [4, 0],
    [0, 12],
  ];
  expect(mutualInformation(counts)).toBe(mutualInformation(counts, { weighting: "uniform" }));
  expect(normalisedMutualInformation(counts)).toBe(1);
});

describe.each(weightings)("mutual information, %s", (_, weighting) => {
  test("lies between 0 and the entropy of the categories, and of the experts", () => {
    holdsForAll([loadsByCategory], (counts) => {
      const information = mutualInformation(counts, { weighting });
      expect(information).toBeGreaterThanOrEqual(0);
      expect(information).toBeLessThanOrEqual(Math.log2(Math.min(counts.length, counts[0]!.length)) + 1e-9);
      if (counts.length > 1) expect(normalisedMutualInformation(counts, { weighting })).toBeLessThanOrEqual(1 + 1e-9);
    });
  });

  test("is 0 when every category uses the experts alike, and all there is when none is shared", () => {
    holdsForAll([loads], (counts) => {
      const alike = [counts, counts.map((count) => count * 7)];
      expect(mutualInformation(alike, { weighting })).toBeCloseTo(0, 9);
      const apart = [
        [...counts, ...counts.map(() => 0)],
        [...counts.map(() => 0), ...counts],
      ];
      expect(normalisedMutualInformation(apart, { weighting })).toBeCloseTo(1, 9);
      // Not a rounding error above 1: it is drawn on a scale that ends there.
      expect(jensenShannonDivergence(apart[0]!, apart[1]!)).toBeLessThanOrEqual(1);
    });
  });

  test("depends neither on the order of categories nor on which expert is which", () => {
    holdsForAll([loadsByCategory], (counts) => {
      const turned = counts.toReversed().map((row) => row.toReversed());
      expect(mutualInformation(turned, { weighting })).toBeCloseTo(mutualInformation(counts, { weighting }), 9);
    });
  });

  test("its bias is not negative, and shrinks as the counts grow", () => {
    holdsForAll([loadsByCategory], (counts) => {
      const bias = mutualInformationBias(counts, { weighting });
      expect(bias).toBeGreaterThanOrEqual(-1e-12);
      const more = counts.map((row) => row.map((count) => count * 10));
      expect(mutualInformationBias(more, { weighting })).toBeCloseTo(bias / 10, 9);
    });
  });
});

test("weighted by tokens, it is the mutual information of the table of counts", () => {
  holdsForAll([loadsByCategory], (counts) => {
    const entropy = (p: ArrayLike<number>) =>
      -Array.from(p).reduce((sum, x) => sum + (x > 0 ? x * Math.log2(x) : 0), 0);
    const experts = counts[0]!.map((_, expert) => counts.reduce((sum, row) => sum + row[expert]!, 0));
    const [ofCategories, ofExperts, ofBoth] = [counts.map(totalLoad), experts, counts.flat()].map((n) =>
      entropy(shares(n)),
    );
    const information = mutualInformation(counts, { weighting: "tokens" });
    expect(information).toBeCloseTo(ofCategories! + ofExperts! - ofBoth!, 9);
  });
});

test("categories drawn from one distribution: about 0 once the bias is taken off, and not without", () => {
  // Drawn by a fixed generator: 2000 times 3 categories × 40 assignments to 8 equal experts.
  const random = congruential(1);
  const draw = () => {
    const counts = Array(8).fill(0);
    for (let i = 0; i < 40; i++) counts[Math.floor(random() * 8)]++;
    return counts;
  };
  const trials = Array.from({ length: 2000 }, () => [draw(), draw(), draw()]);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  // (C − 1)(E − 1) / 2N = 14/240 nats = 0.084 bits.
  const uncorrected = mean(trials.map((counts) => mutualInformation(counts)));
  expect(uncorrected).toBeGreaterThan(0.08);
  expect(uncorrected).toBeLessThan(0.1);
  expect(Math.abs(mean(trials.map((counts) => mutualInformation(counts, { correctBias: true }))))).toBeLessThan(0.005);
});

test("divergence is symmetric and lies in 0 … 1", () => {
  holdsForAll([loadsByCategory], (counts) => {
    const [a, b = a] = counts as [number[], number[]?];
    const divergence = jensenShannonDivergence(a, b);
    expect(divergence).toBeCloseTo(jensenShannonDivergence(b, a), 12);
    expect(divergence).toBeGreaterThanOrEqual(0);
    expect(divergence).toBeLessThanOrEqual(1);
  });
});

test("two categories: their divergence is their mutual information", () => {
  const counts = [
    [3, 1, 0],
    [1, 5, 6],
  ];
  expect(meanJensenShannonDivergence(counts)).toBe(mutualInformation(counts));
});

test("categories without assignments are left out; with nothing left the answer is NaN", () => {
  const counts = [
    [0, 0],
    [4, 0],
    [0, 4],
  ];
  expect(mutualInformation(counts)).toBe(1);
  expect(meanJensenShannonDivergence(counts)).toBe(1);
  expect(jensenShannonDivergence([0, 0], [4, 0])).toBeNaN();
  expect(meanJensenShannonDivergence(counts.slice(0, 2))).toBeNaN();
  expect(normalisedMutualInformation(counts.slice(0, 2))).toBeNaN();
  expect(mutualInformation([[0, 0]])).toBeNaN();
  expect(mutualInformationBias([])).toBeNaN();
});

test("categories with different numbers of experts are refused", () => {
  expect(() => mutualInformation([[1], [1, 2]])).toThrow(/1 and 2 experts/);
  expect(() => jensenShannonDivergence([1], [1, 2])).toThrow(RangeError);
});

/** Numbers in 0 … 1 (Park and Miller 1988). */
function congruential(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
