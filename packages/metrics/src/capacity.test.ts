import fc from "fast-check";
import { describe, expect, test } from "vitest";
import golden from "../golden.json" with { type: "json" };
import {
  droplessCapacityFactor,
  droppedAtCapacity,
  expertCapacity,
  maxViolation,
  meanLoad,
  totalLoad,
} from "./index.ts";
import { holdsForAll, loads } from "./property.fixture.ts";

const factor = fc.double({ min: 0.01, max: 30, noNaN: true });

describe.each(golden.cases)("$name", ({ counts, dropped, droplessCapacityFactor: dropless }) => {
  test.each(dropped)("capacity factor $capacityFactor", ({ capacityFactor, assignments, share }) => {
    expect(droppedAtCapacity(counts, capacityFactor)).toEqual({ assignments, share: expect.closeTo(share, 12) });
  });
  test("dropless", () => expect(droplessCapacityFactor(counts)).toBeCloseTo(dropless, 12));
});

test("what is kept fits: no expert above capacity, nothing dropped below it", () => {
  holdsForAll([loads, factor], (counts, capacityFactor) => {
    const capacity = expertCapacity(capacityFactor, totalLoad(counts), counts.length);
    const kept = counts.map((count) => Math.min(count, capacity));
    expect(droppedAtCapacity(counts, capacityFactor).assignments).toBe(totalLoad(counts) - totalLoad(kept));
  });
});

test("more capacity never drops more", () => {
  holdsForAll([loads, factor, factor], (counts, a, b) => {
    const at = (capacityFactor: number) => droppedAtCapacity(counts, capacityFactor).assignments;
    expect(at(Math.max(a, b))).toBeLessThanOrEqual(at(Math.min(a, b)));
  });
});

test("the dropless factor is MaxVio + 1, drops nothing, and a token less drops something", () => {
  holdsForAll([loads], (counts) => {
    const dropless = droplessCapacityFactor(counts);
    expect(dropless).toBeCloseTo(maxViolation(counts) + 1, 9);
    expect(droppedAtCapacity(counts, dropless).assignments).toBe(0);
    const tokenLess = dropless - 1 / meanLoad(counts);
    if (tokenLess > 0) expect(droppedAtCapacity(counts, tokenLess).assignments).toBeGreaterThan(0);
  });
});

test("a factor that is a decimal fraction is not rounded up twice", () => {
  // 1.1 × 10 is 11.000000000000002 as a float.
  expect(expertCapacity(1.1, 20, 2)).toBe(11);
  expect(expertCapacity(1.25, 12, 8)).toBe(2);
});

test("nothing assigned: nothing dropped, of which there is no share", () => {
  expect(droppedAtCapacity([0, 0], 1)).toEqual({ assignments: 0, share: Number.NaN });
  expect(droplessCapacityFactor([0, 0])).toBeNaN();
});

test("a capacity factor must be above 0", () => {
  expect(() => droppedAtCapacity([1, 2], 0)).toThrow(/capacity factor 0; allowed is a number above 0/);
  expect(() => expertCapacity(Number.NaN, 8, 2)).toThrow(RangeError);
});
