import { expect, test } from "vitest";
import { syntheticBuckets } from "../testing/synthetic-run.ts";
import { cursorOf, cursorPosition, moveCursor, settledStep, stepsAt } from "./cursor.ts";

const timeline = (count: number, width = 1) => ({ buckets: syntheticBuckets(count, {}, width), width });

test("live, the cursor is at the newest step of any run; else where it was put, within the runs", () => {
  const timelines = [timeline(10), timeline(40, 4)];
  expect(cursorOf("live", timelines)).toEqual({ live: true, step: 39, last: 39, stride: 4 });
  expect(cursorOf(7, timelines)).toMatchObject({ live: false, step: 7 });
  expect(cursorOf(99, timelines)).toMatchObject({ live: false, step: 39 });
  expect(cursorOf(7, [])).toMatchObject({ live: true, step: -1, last: -1 });
});

test("keys move it point by point; at the end it follows", () => {
  const cursor = cursorOf(12, [timeline(40, 4)]);
  expect([moveCursor(cursor, 1), moveCursor(cursor, -1), moveCursor(cursor, -9), moveCursor(cursor, 9)]).toEqual([
    16,
    8,
    0,
    "live",
  ]);
});

test("a training step is asked for by its number, an evaluation by the bucket that has it", () => {
  const { buckets } = timeline(12, 4);
  expect(stepsAt(6, buckets, true)).toEqual({ from: 6, to: 6 });
  expect(stepsAt(99, buckets, true)).toEqual({ from: 11, to: 11 });
  expect(stepsAt(6, buckets, false)).toEqual({ from: 4, to: 7 });
  expect(stepsAt(3, [], true)).toBeUndefined();
});

test("on other axes the cursor stands where the run that got furthest was at the step", () => {
  const runs = [timeline(4), timeline(8)].map(({ buckets }) => ({ chosen: { run: {} }, buckets }));
  const cursor = cursorOf(
    5,
    runs.map(({ buckets }) => ({ buckets, width: 1 })),
  );
  expect([
    cursorPosition(cursor, runs, "step"),
    cursorPosition(cursor, runs, "tokens"),
    cursorPosition(cursor, runs, "time"),
  ]).toEqual([5, 6000, 3000]);
  expect(cursorPosition({ ...cursor, live: true }, runs, "tokens")).toBeUndefined();
});

test("a settled step is never ahead and never far behind", () => {
  for (let last = 0; last < 3000; last++) {
    expect(settledStep(last)).toBeLessThanOrEqual(last);
    expect(settledStep(last)).toBeGreaterThanOrEqual(last - last / 16);
  }
});
