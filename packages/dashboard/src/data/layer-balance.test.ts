import { v1 } from "@moescope/proto";
import { expect, it } from "vitest";
import { layerBalance } from "./layer-balance.ts";

it("adds up the categories of a layer before it measures how even it is", () => {
  const summary = v1.LayerSummary.fromObject({
    layer: 3,
    maxViolation: { values: 4, sum: 3, max: 1.25 },
    dropped: 7,
    categories: [
      { category: 0, counts: [10, 0, 20, 0] },
      { category: 1, counts: [10, 0, 10, 30] },
    ],
  });
  // Sums 20, 0, 30, 30: mean 20, so the busiest has 1.5 times its share, and expert 1 nothing.
  expect(layerBalance(summary)).toMatchObject({
    layer: 3,
    maxViolationBatch: 0.75,
    highestMaxViolationBatch: 1.25,
    maxViolationGlobal: 0.5,
    busiestExpert: 2,
    busiestLoad: 1.5,
    deadExperts: [1],
    dropped: 7,
  });
});

it("tells experts that are listened to from those that only have load", () => {
  const categories = [{ category: 0, counts: [100, 100, 200, 0] }];
  const heard = layerBalance(v1.LayerSummary.fromObject({ layer: 3, categories, gateMass: [25, 0.125, 75, 0] }));
  expect(heard.deadExperts).toEqual([3]);
  expect(heard.gates).toEqual({
    unheardExperts: [1],
    lowestPerLoad: expect.closeTo(0.125 / 100.125 / 0.25),
    highestPerLoad: expect.closeTo(75 / 100.125 / 0.5),
  });
  expect(layerBalance(v1.LayerSummary.fromObject({ layer: 3, categories })).gates).toBeUndefined();
});
