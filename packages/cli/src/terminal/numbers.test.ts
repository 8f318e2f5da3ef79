import { expect, it } from "vitest";
import { bytes, clock, decimal, whole } from "./numbers.ts";

it("writes numbers for people, and a dash where there is none", () => {
  expect([whole(1234567.4), whole(Number.NaN)]).toEqual(["1,234,567", "-"]);
  expect([decimal(0.12345, 3), decimal(Number.NaN, 3)]).toEqual(["0.123", "-"]);
  expect([bytes(999), bytes(1000), bytes(274_300_000), bytes(2e9)]).toEqual(["999 B", "1.0 kB", "274.3 MB", "2.0 GB"]);
});

it("writes durations as a clock", () => {
  expect([clock(0), clock(65), clock(3599.6), clock(7322)]).toEqual(["0:00", "1:05", "1:00:00", "2:02:02"]);
  expect([clock(Number.NaN), clock(Number.POSITIVE_INFINITY)]).toEqual(["-", "-"]);
});
