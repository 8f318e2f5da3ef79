// Sums of histograms.
import { expect, test } from "vitest";
import { setToSum, sumHistograms } from "./index.ts";
import { holdsForAll, loadsByCategory } from "./property.fixture.ts";

test("the sum of two histograms is the same whatever was in its place", () => {
  holdsForAll([loadsByCategory], ([first, second = []]) => {
    if (first!.length !== second.length) return;
    const sum = new Float64Array(first!.length).fill(7);
    setToSum(sum, first!, second);
    expect(sum).toEqual(sumHistograms([first!, second]));
  });
  const sum = new Float64Array(5);
  setToSum(sum, [1, 2, 3, 4, 2 ** 32 - 1], new Uint32Array([0, 1, 2, 3, 2 ** 32 - 1]));
  expect([...sum]).toEqual([1, 3, 5, 7, 2 ** 33 - 2]);
});
