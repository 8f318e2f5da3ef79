import { expect, test } from "vitest";
import { scalarOf } from "../data/bucket.ts";
import { type SyntheticOptions, syntheticBuckets, syntheticChosen } from "../testing/synthetic-run.ts";
import {
  type LineSeries,
  lineOf,
  linesTable,
  lookOf,
  readingOf,
  smoothLine,
  stepsNear,
  xDomainOf,
  yScaleOf,
} from "./line-series.ts";

const free = { id: "f", startedAt: 5000, loss: (step: number) => 3 / (1 + step) };

function lossLine(options: SyntheticOptions, count: number, width = 1, leading = 0): LineSeries {
  const all = syntheticBuckets(count, options, width);
  const history = { chosen: syntheticChosen(options, count), lead: all.slice(0, leading), buckets: all.slice(leading) };
  return lineOf(history, "step", lookOf(history.chosen), (bucket) => readingOf(scalarOf(bucket, "loss")));
}

test("x is the last step of a bucket, the tokens by then, or the time since the start", () => {
  const history = { chosen: syntheticChosen(free, 8), lead: [], buckets: syntheticBuckets(8, free, 4) };
  const xs = (axis: "step" | "tokens" | "time") => {
    const line = lineOf(history, axis, lookOf(history.chosen), (bucket) => readingOf(scalarOf(bucket, "loss")));
    return [line.points.map(({ x }) => x), xDomainOf([line], axis)];
  };
  expect(xs("step")).toEqual([
    [3, 7],
    [0, 7],
  ]);
  expect(xs("tokens")).toEqual([
    [4000, 8000],
    [4000, 8000],
  ]);
  expect(xs("time")).toEqual([
    [2000, 4000],
    [2000, 4000],
  ]);
});

test("a bucket without the value has no point, one with NaN alone has a NaN point", () => {
  const line = lossLine({ loss: (step) => (step === 2 ? Number.NaN : 2) }, 4);
  expect(line.points.map(({ y }) => y)).toEqual([2, 2, Number.NaN, 2]);
  expect(yScaleOf([line], { log: false }).domain.every(Number.isFinite)).toBe(true);
  expect(readingOf(undefined)).toBeUndefined();
});

test("one outlier does not press the lines flat; on a log axis it is in sight", () => {
  const line = lossLine({ loss: (step) => (step === 1 ? 100 : 2 + step / 100) }, 64, 32);
  const [low, high] = yScaleOf([line], { log: false }).domain;
  expect(low).toBeLessThanOrEqual(2.48);
  expect(high).toBeLessThan(12);
  const log = yScaleOf([line], { log: true });
  expect(log.domain[1]).toBe(log.place(100));
});

test("a linear axis has the floor that was asked for; a logarithmic one does not spend a decade on it", () => {
  const line = lossLine({}, 8);
  expect(yScaleOf([line], { log: false, floor: 0 }).domain[0]).toBe(0);
  const log = yScaleOf([line], { log: true, floor: 0 });
  expect(log.domain[0]).toBe(log.place(0.5));
});

test("an axis of zeros alone goes to one", () => {
  const line = lossLine({ loss: () => 0 }, 8);
  for (const log of [false, true]) expect(yScaleOf([line], { log, floor: 0 }).domain).toEqual([0, 1]);
});

test("smoothed values that lie outside of the points are in sight", () => {
  const line = lossLine({}, 16, 1, 10);
  const drawn = [smoothLine(line, 50)];
  expect(drawn[0]![0]).toBeGreaterThan(line.points[0]!.y);
  expect(yScaleOf([line], { log: false, drawn }).domain[1]).toBeGreaterThan(drawn[0]![0]!);
});

test("a zoomed line smooths as if the steps before it were shown", () => {
  const whole = smoothLine(lossLine({}, 16), 5);
  expect([...smoothLine(lossLine({}, 16, 1, 10), 5)]).toEqual([...whole.subarray(10)]);
});

test("the steps nearest to a place, over lines of different widths", () => {
  const lines = [lossLine({}, 4), lossLine(free, 16, 8)];
  expect(stepsNear(lines, 1.2)).toEqual({ first: 1, last: 1 });
  expect(stepsNear(lines, 14)).toEqual({ first: 8, last: 15 });
  expect(stepsNear([], 3)).toBeUndefined();
});

test("the table has every point, and says of which line", () => {
  const rows = linesTable({ series: [lossLine({}, 4), lossLine(free, 8, 4)] });
  expect(rows).toHaveLength(1 + 4 + 2);
  expect(rows[1]).toEqual(["r", "auxiliary-loss", "", 0, 0, 0, 4, 4, 4]);
});
