import { describe, expect, test } from "vitest";
import golden from "../golden.json" with { type: "json" };
import { coefficientOfVariation, gateMassPerLoad, gateMassShare, totalLoad, unheardExperts } from "./index.ts";
import { holdsForAll, loads } from "./property.fixture.ts";

test.each(golden.gateMass)("$name", ({ mass, share }) => {
  expect([...gateMassShare(mass)]).toEqual(share);
});

describe("reference: importance of softmax gates over the top 2, from PyTorch", () => {
  const importance = [0.690289, 0.915451, 1.485919, 0.914111, 3.535373, 1.346576, 1.475617, 1.636664];
  test("its squared CV", () => expect(coefficientOfVariation(importance) ** 2).toBeCloseTo(0.307019, 6));
  test("expert 4 has 3.535373 of 12", () => {
    expect(gateMassShare(importance)[4]).toBeCloseTo(3.535373 / 12, 9);
  });
});

test("shares add up to 1", () => {
  holdsForAll([loads], (counts) => {
    const mass = counts.map((count) => count * 0.25);
    expect(totalLoad(gateMassShare(mass))).toBeCloseTo(1, 9);
  });
});

test("no gate mass: NaN", () => {
  expect([...gateMassShare([0, 0])]).toEqual([Number.NaN, Number.NaN]);
});

test("an expert with a fifth of the load and a tenth of the gate mass is listened to half as much as others", () => {
  expect([...gateMassPerLoad([1, 9, 0], [20, 80, 0])]).toEqual([0.5, 1.125, Number.NaN]);
  expect([...gateMassPerLoad([0, 0], [1, 2])]).toEqual([Number.NaN, Number.NaN]);
  expect(() => gateMassPerLoad([1], [1, 2])).toThrow(RangeError);
});

test("who has load and next to no gate mass is unheard; who has neither is dead, not unheard", () => {
  expect(unheardExperts([0.01, 10, 10, 0, 10], [100, 100, 100, 0, 90])).toEqual([0]);
  expect(unheardExperts([0, 0, 0], [1, 2, 3])).toEqual([]);
});
