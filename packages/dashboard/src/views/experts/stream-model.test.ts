import { expect, test } from "vitest";
import { expertInStream, streamBands } from "./stream-model.ts";

const model = {
  experts: 3,
  x: Float64Array.of(0, 1, 2),
  share: Float64Array.of(0.5, 0.25, 0.25, 0, 1, 0, Number.NaN, Number.NaN, Number.NaN),
};

test("experts stand on top of each other, from nothing to everything", () => {
  const bands = streamBands(model);
  expect(bands.map(({ expert, low, high }) => [expert, low[0], high[0]])).toEqual([
    [0, 0, 0.5],
    [1, 0.5, 0.75],
    [2, 0.75, 1],
  ]);
  expect(bands.map(({ high }) => high[1])).toEqual([0, 1, 1]);
  expect(bands.every(({ low, high }) => Number.isNaN(low[2]) && Number.isNaN(high[2]))).toBe(true);
});

test("a height belongs to the expert that covers it", () => {
  expect([0.1, 0.6, 0.9].map((height) => expertInStream(model, 0, height))).toEqual([0, 1, 2]);
  expect(expertInStream(model, 1, 0.5)).toBe(1);
  expect([-0.1, 1.1].map((height) => expertInStream(model, 0, height))).toEqual([undefined, undefined]);
  expect(expertInStream(model, 2, 0.5)).toBeUndefined();
});
