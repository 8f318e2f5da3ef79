import type { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { syntheticRun } from "../../testing/synthetic-run.ts";
import {
  affinities,
  affinitySentence,
  affinityTable,
  type LabelledSteps,
  ownedFrom,
  ownership,
  ownershipSentence,
  ownershipTable,
} from "./affinity-model.ts";

/** Four experts, top-2, one layer: docs has twice the tokens of code, maths none. */
const CODE = [80, 0, 20, 0];
const DOCS = [0, 120, 80, 0];
const source = stepsOf({ 0: CODE, 1: DOCS });

function stepsOf(counts: Record<number, number[]>, id = "r"): LabelledSteps {
  const categories: v1.CategoryLoad.$Properties[] = Object.entries(counts).map(([category, row]) => ({
    category: Number(category),
    counts: row,
    tokens: row.reduce((sum, count) => sum + count, 0) / 2,
  }));
  const bucket = { firstStep: 0, lastStep: 3, steps: 4, layers: [{ layer: 2, categories }] };
  return { run: syntheticRun({ id, layers: [2] }), label: id, history: { buckets: [bucket] } };
}

test("relative load against the category's even share; shares as if categories were of one size", () => {
  const rows = affinities([source]);
  expect(rows).toHaveLength(8);
  const of = (category: string, expert: number) =>
    rows.find((row) => row.category === category && row.expert === expert)!;
  // Code: 100 assignments over 4 experts, 25 each if even.
  expect(of("code", 0)).toMatchObject({ layer: 2, count: 80, relative: 3.2, share: 1 });
  // Docs: 200 assignments, 50 each if even.
  expect(of("docs", 1).relative).toBeCloseTo(2.4, 12);
  // Expert 2 gets 20 % of code and 40 % of docs.
  expect(of("code", 2).share).toBeCloseTo(1 / 3, 12);
  expect(of("docs", 2).share).toBeCloseTo(2 / 3, 12);
  expect(of("docs", 3).share).toBeNaN();
  expect(affinitySentence(rows)).toBe(
    "The strongest: in r expert 0 of layer 2 gets 3.20 × its share of code, 100 % of what it gets. Shares count categories as if they were of one size.",
  );
  expect(affinityTable(rows)).toHaveLength(1 + 8);
});

test("without tokens there is nothing to rank", () => {
  expect(affinitySentence(affinities([stepsOf({})]))).toBe("No tokens in these steps.");
});

test("an expert has one owner at most, from half-way to all", () => {
  expect([1, 2, 3, 4].map(ownedFrom)).toEqual([1, 0.75, expect.closeTo(2 / 3, 12), 0.625]);
  const owned = ownership(source);
  // Expert 2 is two thirds docs, which is just the threshold for three categories; expert 3 is dead.
  expect(owned.layers).toEqual([{ layer: 2, owned: [[0], [1, 2], []], shared: 0, dead: 1 }]);
  expect(ownershipSentence([owned])).toBe(
    "One category owns 3 of 4 experts in r (1 code, 2 docs, 0 maths; from 67 % of its tokens).",
  );
  expect(ownershipTable([owned])).toEqual([
    ["run", "layer", "category", "experts"],
    ["r", 2, "code", "0"],
    ["r", 2, "docs", "1 2"],
    ["r", 2, "maths", ""],
  ]);
});

test("an expert that every category uses alike belongs to none", () => {
  const { layers } = ownership(stepsOf({ 0: [50, 50, 50, 50], 1: [10, 10, 10, 10], 2: [5, 5, 5, 5] }));
  expect(layers).toEqual([{ layer: 2, owned: [[], [], []], shared: 4, dead: 0 }]);
});

test("a run of one category owns nothing", () => {
  const alone = { ...source, run: { ...source.run, categories: ["code"] } };
  expect(ownership(alone).layers[0]!.owned).toEqual([[]]);
  expect(ownershipSentence([ownership(alone)])).toMatch(/nothing to share out/);
});
