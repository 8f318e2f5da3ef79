import { mutualInformationBias } from "@moescope/metrics";
import { expect, test } from "vitest";
import { syntheticChosen } from "../../testing/synthetic-run.ts";
import { informationModel, informationPoints } from "./information-model.ts";

const chosen = syntheticChosen({ layers: [0, 3] }, 2);

function bucketOf(step: number, counts: number[][]) {
  const categories = counts.map((row, category) => ({ category, counts: row, tokens: 1 }));
  return { firstStep: step, lastStep: step, steps: 1, layers: [{ layer: 3, categories }] };
}

const APART = [
  [1000, 0, 0, 0],
  [0, 1000, 0, 0],
];
const ALIKE = [
  [500, 500, 500, 500],
  [250, 250, 250, 250],
];

test("0 for categories that use the experts alike, 1 where none is shared, less what chance gives", () => {
  const run = { chosen, buckets: [bucketOf(0, ALIKE), bucketOf(1, APART)], lead: [] };
  const { series, sentence } = informationModel([run], [3, 9], "step", 1);
  expect(series.map(({ layer }) => layer)).toEqual([3]);
  const [alike, apart] = series[0]!.points.map(({ y }) => y);
  // Two categories of the same weight can tell one bit.
  expect(alike).toBeCloseTo(-mutualInformationBias(ALIKE), 12);
  expect(apart).toBeCloseTo(1 - mutualInformationBias(APART), 12);
  expect(sentence).toMatch(
    /^Of what can be known about a token's category, its expert tells 100 % in .*layer 3 at step 1\./,
  );
  expect(informationModel([run], [3], "step", 0).sentence).toContain("tells 0 % in");
});

test("one category alone tells nothing", () => {
  const run = { chosen, buckets: [bucketOf(0, [[5, 5, 5, 5]])], lead: [] };
  const { series, sentence } = informationModel([run], [3], "step", 0);
  expect(series[0]!.points[0]!.y).toBeNaN();
  expect(sentence).toMatch(/only where two or more have tokens/);
});

test("the larger the layers, the fewer buckets are asked for", () => {
  expect(informationPoints(3, 16, 3)).toBe(200);
  expect(informationPoints(3, 256, 3)).toBe(200);
  expect(informationPoints(58, 256, 3)).toBe(13);
  expect(informationPoints(0, 0, 0)).toBe(200);
});
