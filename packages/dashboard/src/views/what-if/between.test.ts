import { contiguousPlacement, droppedAtCapacity, rankImbalance, sumHistograms } from "@moescope/metrics";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { droppedBetween, slowdownBetween } from "./between.ts";

const EXPERTS = 12;

/** Steps of one layer with as many assignments each, as steps of a fixed batch have. */
const steps = fc
  .array(fc.array(fc.nat({ max: 1000 }), { minLength: EXPERTS, maxLength: EXPERTS }), { minLength: 1, maxLength: 8 })
  .map((rows) => {
    const most = Math.max(...rows.map(total));
    // What is missing goes to one expert, so that busy ones differ from step to step.
    return rows.map((row, step) =>
      row.map((count, expert) => count + (expert === step % EXPERTS ? most - total(row) + 12 : 0)),
    );
  });

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

function added(rows: readonly (readonly number[])[]) {
  const mean = sumHistograms(rows).map((count) => count / rows.length);
  if (rows.length === 1) return { mean, low: mean, high: mean, dropped: 0 };
  const each = (choose: (...values: number[]) => number) =>
    Float64Array.from(mean, (_, expert) => choose(...rows.map((row) => row[expert]!)));
  return { mean, low: each(Math.min), high: each(Math.max), dropped: 0 };
}

const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Sums of the same numbers in another order. */
const ROUNDING = 1e-6;

describe("the true mean over the steps lies between", () => {
  test("what is dropped", () => {
    fc.assert(
      fc.property(steps, fc.double({ min: 0.1, max: 12, noNaN: true }), (rows, factor) => {
        const truth = average(rows.map((row) => droppedAtCapacity(row, factor).assignments));
        const { least, most } = droppedBetween(added(rows), factor);
        expect(least).toBeLessThanOrEqual(truth + ROUNDING);
        expect(most).toBeGreaterThanOrEqual(truth - ROUNDING);
      }),
    );
  });

  test("the busiest rank", () => {
    fc.assert(
      fc.property(steps, fc.constantFrom(1, 2, 3, 4, 6, 12), (rows, ranks) => {
        const placement = contiguousPlacement(EXPERTS, ranks);
        const truth = average(rows.map((row) => rankImbalance(row, placement).slowdown));
        const { least, most } = slowdownBetween(added(rows), placement);
        expect(least).toBeLessThanOrEqual(truth + ROUNDING);
        expect(most).toBeGreaterThanOrEqual(truth - ROUNDING);
        expect(most).toBeLessThanOrEqual(ranks + ROUNDING);
      }),
    );
  });
});

test("a limit without end drops nothing, and one rank is balanced", () => {
  fc.assert(
    fc.property(steps, (rows) => {
      expect(droppedBetween(added(rows), Number.POSITIVE_INFINITY)).toEqual({ least: 0, most: 0 });
      const { least, most } = slowdownBetween(added(rows), contiguousPlacement(EXPERTS, 1));
      expect(least).toBeCloseTo(1, 9);
      expect(most).toBeCloseTo(1, 9);
    }),
  );
});

test("two steps by hand: each drops 20 of 40, their sum nothing", () => {
  const { least, most } = droppedBetween(
    added([
      [40, 0],
      [0, 40],
    ]),
    1,
  );
  expect([least, most]).toEqual([0, 20]);
  expect(
    slowdownBetween(
      added([
        [40, 0],
        [0, 40],
      ]),
      [[0], [1]],
    ),
  ).toEqual({ least: 1, most: 2 });
});
