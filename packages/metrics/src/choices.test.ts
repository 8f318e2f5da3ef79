// Two choices for the same tokens: saturation, churn, and what a bias changed.
import { describe, expect, test } from "vitest";
import golden from "../golden.json" with { type: "json" };
import { churn, routerSaturation, shareChangedByBias } from "./index.ts";
import { choices, holdsForAll } from "./property.fixture.ts";

describe.each(golden.choices)("$name", ({ topK, before, after, ...expected }) => {
  const [earlier, later] = [Int32Array.from(before.flat()), Int32Array.from(after.flat())];
  test("saturation", () => expect(routerSaturation(earlier, later, topK)).toBeCloseTo(expected.saturation, 12));
  test("churn", () => {
    const { firstChoice, set, choices } = churn(earlier, later, topK);
    expect(firstChoice).toBeCloseTo(expected.churn.firstChoice, 12);
    expect(set).toBeCloseTo(expected.churn.set, 12);
    expect(choices).toBeCloseTo(expected.churn.choices, 12);
  });
  test("share changed by a bias", () => {
    expect(shareChangedByBias(later, earlier, topK)).toBeCloseTo(1 - expected.saturation, 12);
  });
});

test("the same choices are saturated and unchanged, in any order", () => {
  holdsForAll([choices], ({ topK, before }) => {
    const turned = before.map((_, place) => before[place - (place % topK) + topK - 1 - (place % topK)]!);
    expect(routerSaturation(before, turned, topK)).toBe(1);
    expect(churn(before, before, topK)).toEqual({ firstChoice: 0, set: 0, choices: 0 });
    expect(churn(before, turned, topK)).toMatchObject({ set: 0, choices: 0 });
  });
});

test("when every token chooses k experts, earlier and later can be exchanged", () => {
  holdsForAll([choices], ({ topK, before, after }) => {
    expect(routerSaturation(before, after, topK)).toBe(routerSaturation(after, before, topK));
    expect(churn(before, after, topK)).toEqual(churn(after, before, topK));
  });
});

test("a set changes wherever a choice does, and with top-1 the three are one", () => {
  holdsForAll([choices], ({ topK, before, after }) => {
    const { firstChoice, set, choices: changed } = churn(before, after, topK);
    expect(changed).toBeLessThanOrEqual(set + 1e-12);
    expect(set).toBeLessThanOrEqual(topK * changed + 1e-9);
    if (topK === 1) expect([set, changed]).toEqual([firstChoice, expect.closeTo(firstChoice, 12)]);
  });
});

test("a bias changes at most (E − k) / k of the choices", () => {
  holdsForAll([choices], ({ topK, experts, before, after }) => {
    const most = Math.min(1, (experts - topK) / topK);
    expect(shareChangedByBias(after, before, topK)).toBeLessThanOrEqual(most + 1e-12);
  });
});

test("no tokens, or nothing chosen: NaN", () => {
  expect(routerSaturation([], [], 2)).toBeNaN();
  expect(routerSaturation([0, 1], [-1, -1], 2)).toBeNaN();
  expect(churn([], [], 1)).toEqual({ firstChoice: Number.NaN, set: Number.NaN, choices: Number.NaN });
});

test("choices of different tokens, and impossible numbers of choices, are refused by name", () => {
  expect(() => routerSaturation([0, 1], [0, 1, 2, 3], 2)).toThrow(/2 and 4 choices/);
  expect(() => churn([0, 1, 2], [0, 1, 2], 2)).toThrow(/3 choices are no whole number of tokens with 2/);
  expect(() => churn([0], [0], 0)).toThrow(/top-k of 0/);
});
