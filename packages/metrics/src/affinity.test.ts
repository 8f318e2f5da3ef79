import { describe, expect, test } from "vitest";
import golden from "../golden.json" with { type: "json" };
import {
  categoryShares,
  domainSpecialisation,
  expertShares,
  relativeLoad,
  relativeLoadByCategory,
  sumHistograms,
  totalLoad,
} from "./index.ts";
import { holdsForAll, loadsByCategory } from "./property.fixture.ts";

const plain = (rows: Float64Array[]) => rows.map((row) => [...row]);

describe.each(golden.categories)("$name", ({ counts, tokens, topK, ...expected }) => {
  test("relative load", () => {
    expect(plain(relativeLoadByCategory(counts, tokens, topK))).toEqual(expected.relativeLoad);
  });
  test("domain specialisation", () => {
    expect(plain(domainSpecialisation(counts, tokens))).toEqual(expected.domainSpecialisation);
  });
  test("expert shares", () => expect(plain(expertShares(counts))).toEqual(expected.expertShares));
  test("category shares", () => {
    categoryShares(counts).forEach((row, category) => {
      row.forEach((share, expert) => {
        expect(share).toBeCloseTo(expected.categoryShares[category]![expert]!, 12);
      });
    });
  });
});

test("rows and columns add up to what their comments say", () => {
  holdsForAll([loadsByCategory], (counts) => {
    const topK = 2;
    const tokens = counts.map((row) => totalLoad(row) / topK);
    for (const row of domainSpecialisation(counts, tokens)) expect(totalLoad(row)).toBeCloseTo(topK, 9);
    for (const row of expertShares(counts)) expect(totalLoad(row)).toBeCloseTo(1, 9);
    const reached = sumHistograms(counts);
    sumHistograms(categoryShares(counts)).forEach((sum, expert) => {
      if (reached[expert] === 0) expect(sum).toBeNaN();
      else expect(sum).toBeCloseTo(1, 9);
    });
  });
});

test("without drops, the relative load of a category is that of its counts", () => {
  holdsForAll([loadsByCategory], (counts) => {
    const rows = relativeLoadByCategory(counts, counts.map(totalLoad), 1);
    rows.forEach((row, category) => {
      const alone = relativeLoad(counts[category]!);
      row.forEach((load, expert) => {
        expect(load).toBeCloseTo(alone[expert]!, 9);
      });
    });
  });
});

test("what an expert is made of does not depend on how large a category is", () => {
  holdsForAll([loadsByCategory], (counts) => {
    const larger = counts.map((row, category) => row.map((count) => count * (category + 1)));
    categoryShares(larger).forEach((row, category) => {
      row.forEach((share, expert) => {
        const before = categoryShares(counts)[category]![expert]!;
        if (Number.isNaN(before)) expect(share).toBeNaN();
        else expect(share).toBeCloseTo(before, 9);
      });
    });
  });
});

test("a category without tokens has a row of NaN, and no share in any expert", () => {
  const counts = [
    [0, 0],
    [1, 3],
  ];
  expect(plain(relativeLoadByCategory(counts, [0, 4], 1))[0]).toEqual([Number.NaN, Number.NaN]);
  expect(plain(expertShares(counts))[0]).toEqual([Number.NaN, Number.NaN]);
  expect(plain(categoryShares(counts))).toEqual([
    [0, 0],
    [1, 1],
  ]);
});

test("rows that do not fit together are refused, naming the sizes", () => {
  expect(() => expertShares([[1], [1, 2]])).toThrow(/1 and 2 experts/);
  expect(() => domainSpecialisation([[1], [1]], [1])).toThrow(/counts of 2 categories and tokens of 1/);
});
