import { expect, test } from "vitest";
import { linearScale, logScale } from "./y-scale.ts";

test("linear: values stand where they are", () => {
  const scale = linearScale([0, 4]);
  expect([scale.domain, scale.place(3), scale.ticks]).toEqual([[0, 4], 3, [0, 1, 2, 3, 4]]);
});

test("logarithmic: a decade is a unit, and zero is there", () => {
  const scale = logScale([0, 1000], 0.01, 8);
  expect([0, 0.01, 0.1, 1, 1000].map(scale.place)).toEqual([0, 1, 2, 3, 6]);
  expect(scale.domain).toEqual([0, 6]);
  expect(scale.ticks).toEqual([0, 0.01, 0.1, 1, 10, 100, 1000]);
});

test("negative values mirror positive ones", () => {
  const scale = logScale([-10, 10], 0.1);
  expect(scale.place(-10)).toBe(-scale.place(10));
  expect(scale.ticks).toContain(0);
  expect(scale.ticks.every((tick) => tick >= -10 && tick <= 10)).toBe(true);
});

test("within a decade or two the ticks are round numbers, not powers alone", () => {
  expect(logScale([2, 6], 2).ticks).toEqual([2, 3, 4, 5, 6]);
});

test("over a few decades 1, 2 and 5 times the powers are named: small values have ticks too", () => {
  expect(logScale([0.12, 5.4], 0.12).ticks).toEqual([0.2, 0.5, 1, 2, 5]);
  expect(logScale([0, 5.4], 0.12).ticks).toEqual([0, 0.1, 0.2, 0.5, 1, 2, 5]);
  expect(logScale([-0.15, 0.15], 0.1).ticks).toEqual([-0.1, 0, 0.1]);
});

test("one tiny value does not take half of the axis, nothing breaks without any", () => {
  const scale = logScale([0, 1], 1e-30);
  expect(scale.domain[1]).toBeLessThan(10);
  for (const scale of [logScale([0, 0], Number.NaN), logScale([0, 5], Number.POSITIVE_INFINITY), logScale([0, 1], 0)])
    expect([...scale.domain, ...scale.ticks].every(Number.isFinite)).toBe(true);
});
