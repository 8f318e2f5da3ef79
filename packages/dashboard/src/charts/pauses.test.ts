import { expect, test } from "vitest";
import { pausesOf } from "./pauses.ts";

const day = 86_400_000;
const points = [500, 1000, 1500, day + 2000, day + 2500].map((x, place) => ({ x, attempt: place < 3 ? 0 : 1 }));
const line = { run: "r", colour: "red", points };

test("on the time axis the time between two attempts is a pause, told once a run", () => {
  expect(pausesOf([line, line], "time")).toEqual([{ id: "r/1", from: 1500, to: day + 2000, colour: "red" }]);
  expect(pausesOf([line, { ...line, run: "s", points: points.slice(3) }], "time")).toHaveLength(1);
});

test("other axes count no time, and single measurements know nothing of pauses", () => {
  expect([pausesOf([line], "step"), pausesOf([line], "tokens")]).toEqual([[], []]);
  expect(pausesOf([{ ...line, broken: true }], "time")).toEqual([]);
});
