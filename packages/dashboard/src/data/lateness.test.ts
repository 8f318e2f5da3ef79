import { expect, test } from "vitest";
import { syntheticBuckets } from "../testing/synthetic-run.ts";
import { latenessOf } from "./lateness.ts";

// Synthetic steps take half a second.
const buckets = syntheticBuckets(10, { startedAt: 1_000_000 });
const newest = 1_000_000 + 10 * 500;

test("a step that came a moment ago is not late, and neither is a slow run at its own pace", () => {
  expect(latenessOf(buckets, newest + 4000)).toBeUndefined();
  const slow = buckets.map((bucket, step) => ({ ...bucket, time: 1_000_000 + step * 60_000 }));
  expect(latenessOf(slow, 1_000_000 + 9 * 60_000 + 200_000)).toBeUndefined();
  expect(latenessOf(slow, 1_000_000 + 9 * 60_000 + 250_000)).toBe(250_000);
});

test("late data says how late it is", () => {
  expect(latenessOf(buckets, newest + 12_000)).toBe(12_000);
});

test("nothing is late where nothing came", () => {
  expect(latenessOf([], 5)).toBeUndefined();
});
