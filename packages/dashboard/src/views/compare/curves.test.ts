import { expect, test } from "vitest";
import { syntheticBuckets } from "../../testing/synthetic-run.ts";
import { alignCurves, type CurvePoint, curveOf } from "./curves.ts";

const step = (x: number, y: number): CurvePoint => ({ x, firstStep: x, lastStep: x, steps: 1, attempt: 0, y });
const first = ({ firstStep = 0 }: { firstStep?: number }) => firstStep;

test("narrow buckets are put together, the mean over their steps", () => {
  const curve = curveOf(syntheticBuckets(10), 4, "step", 0, first);
  expect(curve).toEqual([
    { x: 3, firstStep: 0, lastStep: 3, steps: 4, attempt: 0, y: 1.5 },
    { x: 7, firstStep: 4, lastStep: 7, steps: 4, attempt: 0, y: 5.5 },
    { x: 9, firstStep: 8, lastStep: 9, steps: 2, attempt: 0, y: 8.5 },
  ]);
});

test("buckets without a value are left out; tokens and time have their own places", () => {
  const odd = curveOf(syntheticBuckets(4), 1, "tokens", 0, (bucket) => (first(bucket) % 2 ? 7 : undefined));
  expect(odd.map(({ x, y }) => [x, y])).toEqual([
    [2000, 7],
    [4000, 7],
  ]);
  expect(curveOf(syntheticBuckets(2), 1, "time", 0, first).map(({ x }) => x)).toEqual([500, 1000]);
});

test("curves meet at the places of the one with the fewest points, and end where the first of them does", () => {
  const coarse = [step(0, 10), step(4, 20), step(8, 30)];
  const fine = [step(1, 1), step(2, 2), step(3, 3), step(5, 5), step(6, 6)];
  expect(alignCurves([coarse, fine])).toEqual([
    { x: 4, firstStep: 4, lastStep: 4, steps: 1, attempt: 0, values: [20, 4] },
  ]);
  expect(alignCurves([fine, coarse]).map(({ values }) => values)).toEqual([[4, 20]]);
});

test("alone a curve stays as it is, and a NaN stays where it was", () => {
  const curve = [step(0, 1), step(1, Number.NaN), step(2, 3)];
  expect(alignCurves([curve]).map(({ values }) => values[0])).toEqual([1, Number.NaN, 3]);
  expect(alignCurves([])).toEqual([]);
});
