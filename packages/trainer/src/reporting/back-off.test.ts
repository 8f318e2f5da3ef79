import { expect, test } from "vitest";
import { backOff } from "./back-off.ts";

test("waits double from 50 ms to 5 s, less up to half of it by chance", () => {
  const longest = (failures: number) => backOff(failures, () => 0);
  expect([1, 2, 3, 7, 8, 9, 1000].map(longest)).toEqual([50, 100, 200, 3200, 5000, 5000, 5000]);
  expect(backOff(9, () => 0.999)).toBeGreaterThan(2500);
});
