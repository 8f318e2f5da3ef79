import { expect, test } from "vitest";
import { smoothed } from "./smoothing.ts";

const point = (y: number, attempt = 0, steps = 1) => ({ y, attempt, steps });

test("as pandas' ewm(span=3, adjust=True): debiased, causal", () => {
  // pandas 2.2: pd.Series([1, 2, 4, 8]).ewm(span=3).mean(); weights 1, 1/2, 1/4 …
  const line = smoothed(
    [1, 2, 4, 8].map((y) => point(y)),
    3,
  );
  [1, (2 + 0.5) / 1.5, (4 + 1 + 0.25) / 1.75, (8 + 2 + 0.5 + 0.125) / 1.875].forEach((value, place) => {
    expect(line[place]).toBeCloseTo(value, 12);
  });
});

test("what comes later does not change what is drawn", () => {
  const points = [3, 1, 4, 1, 5].map((y) => point(y));
  expect([...smoothed(points, 10).subarray(0, 3)]).toEqual([...smoothed(points.slice(0, 3), 10)]);
});

test("a restart begins anew", () => {
  expect([...smoothed([point(100), point(100), point(2, 1), point(2, 1)], 50)]).toEqual([
    expect.closeTo(100),
    expect.closeTo(100),
    2,
    2,
  ]);
});

test("steps that share a point weigh as much as they did alone", () => {
  const single = smoothed([...Array(8).fill(point(1)), ...Array(8).fill(point(5))], 20).at(-1)!;
  const shared = smoothed([point(1, 0, 8), point(5, 0, 8)], 20).at(-1)!;
  expect(shared).toBeCloseTo(single, 12);
});

test("NaN interrupts and is not remembered; span 0 and 1 smooth nothing", () => {
  expect([...smoothed([point(2), point(Number.NaN), point(2)], 9)]).toEqual([2, Number.NaN, expect.closeTo(2, 12)]);
  for (const span of [0, 1]) expect([...smoothed([point(2), point(7), point(1)], span)]).toEqual([2, 7, 1]);
  expect([...smoothed([], 5)]).toEqual([]);
});
