import fc from "fast-check";
import { expect, test } from "vitest";
import golden from "../golden.json" with { type: "json" };
import { acrossLayers, quantile, quantiles } from "./index.ts";
import { holdsForAll } from "./property.fixture.ts";

const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 40 });
const level = fc.double({ min: 0, max: 1, noNaN: true });

test.each(golden.quantiles)("$level of $values", ({ values, level, quantile: expected }) => {
  expect(quantile(values, level)).toBeCloseTo(expected, 12);
});

test("lies between the values around it, and never falls as the level rises", () => {
  holdsForAll([values, level, level], (layers, a, b) => {
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    expect(quantile(layers, low)).toBeLessThanOrEqual(quantile(layers, high) + 1e-9);
    expect(quantile(layers, 0)).toBe(Math.min(...layers));
    expect(quantile(layers, 1)).toBe(Math.max(...layers));
  });
});

test("neither the order of layers nor a layer without a value makes a difference", () => {
  holdsForAll([values, level], (layers, at) => {
    expect(quantile([...layers.toReversed(), Number.NaN], at)).toBe(quantile(layers, at));
  });
});

test("across layers", () => {
  const layers = Array.from({ length: 21 }, (_, layer) => (20 - layer) / 10);
  expect(acrossLayers(layers)).toEqual({ p5: 0.1, p50: 1, p95: 1.9 });
  expect(acrossLayers([Number.NaN])).toEqual({ p5: Number.NaN, p50: Number.NaN, p95: Number.NaN });
});

test("a level outside 0 to 1 is refused", () => {
  expect(() => quantile([1], 95)).toThrow(/level 95; allowed is 0 to 1/);
  expect(() => quantile([1], Number.NaN)).toThrow(RangeError);
});

test("several levels at once are each as it is alone", () => {
  holdsForAll([values, level, level], (layers, a, b) => {
    expect(quantiles(layers, [a, b])).toEqual([quantile(layers, a), quantile(layers, b)]);
  });
  expect(() => quantiles([1], [0.5, 2])).toThrow(/level 2; allowed is 0 to 1/);
});
