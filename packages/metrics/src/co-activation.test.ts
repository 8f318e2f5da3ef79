import { describe, expect, test } from "vitest";
import golden from "../golden.json" with { type: "json" };
import { coActivation, coActivationCounts, sumHistograms } from "./index.ts";
import { choices, holdsForAll } from "./property.fixture.ts";

describe.each(golden.coActivation)("$name", ({ topK, experts, choices, pairs, rows }) => {
  const counted = coActivationCounts(choices.flat(), topK, experts);
  test("pairs", () => expect([...counted]).toEqual(pairs.flat()));
  test.each(Object.entries(rows))("of the tokens that chose expert %s", (expert, row) => {
    expect([...coActivation(counted)].slice(Number(expert) * experts, (Number(expert) + 1) * experts)).toEqual(row);
  });
});

test("pairs are symmetric, and a row adds up to k times its diagonal", () => {
  holdsForAll([choices], ({ topK, experts, before }) => {
    const pairs = coActivationCounts(before, topK, experts);
    for (let i = 0; i < experts; i++) {
      const row = pairs.subarray(i * experts, (i + 1) * experts);
      expect(row.reduce((sum, n) => sum + n, 0)).toBe(topK * row[i]!);
      row.forEach((n, j) => {
        expect(n).toBe(pairs[j * experts + i]);
      });
    }
  });
});

test("batches add up: two counted apart are one counted together", () => {
  holdsForAll([choices], ({ topK, experts, before, after }) => {
    const together = coActivationCounts([...before, ...after], topK, experts);
    const apart = sumHistograms([before, after].map((batch) => coActivationCounts(batch, topK, experts)));
    expect(apart).toEqual(together);
  });
});

test("the row of an expert that no token chose is NaN", () => {
  expect([...coActivation(coActivationCounts([0, 0], 1, 2))]).toEqual([1, 0, Number.NaN, Number.NaN]);
});

test("experts that do not exist and counts that are no square are refused by name", () => {
  expect(() => coActivationCounts([4], 1, 4)).toThrow(/expert 4 was chosen; there are 4/);
  expect(() => coActivation([1, 2, 3])).toThrow(/3 pair counts/);
});
