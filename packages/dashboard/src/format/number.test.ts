import { expect, test } from "vitest";
import { axisTicks, formatPosition, roundTicks, tickDigits } from "../charts/ticks.ts";
import {
  formatClock,
  formatCount,
  formatDuration,
  formatPercent,
  formatRatio,
  formatValue,
  formatWhole,
} from "./number.ts";

test.each([
  [formatValue(1.23456), "1.235"],
  [formatValue(23.456), "23.46"],
  [formatValue(-0.00004), "−4.0e-5"],
  [formatValue(Number.NaN), "NaN"],
  [formatRatio(6.4), "6.40"],
  [formatRatio(Number.NaN), "no data"],
  [formatPercent(0.0512), "5.1 %"],
  [formatPercent(0.448), "45 %"],
  [formatCount(950), "950"],
  [formatCount(12_345), "12.3 k"],
  [formatCount(614_400), "614 k"],
  [formatCount(999_999), "1 M"],
  [formatWhole(1_234_567), "1\u202f234\u202f567"],
  [formatDuration(42_000), "42 s"],
  [formatDuration(3_725_000), "1 h 02 min"],
  [formatClock(15_000), "0:15"],
  [formatClock(3_750_000), "1:02:30"],
  [formatPosition(90_000, "time"), "1:30"],
])("%s is %s", (text, expected) => {
  expect(text).toBe(expected);
});

test("ticks are round and within the domain", () => {
  expect(roundTicks([1.47, 5.6], 4)).toEqual([2, 3, 4, 5]);
  expect(roundTicks([0, 0.07], 4)).toEqual([0, 0.02, 0.04, 0.06]);
  expect(roundTicks([3, 3], 4)).toEqual([3]);
  expect(axisTicks([0, 3], "step", 8)).toEqual([0, 1, 2, 3]);
  expect(axisTicks([0, 150_000], "time", 5)).toEqual([0, 30_000, 60_000, 90_000, 120_000, 150_000]);
  expect([tickDigits([0, 0.02]), tickDigits([0, 5]), tickDigits([0, 0.5])]).toEqual([2, 0, 1]);
});
