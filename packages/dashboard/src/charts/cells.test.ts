import { expect, test } from "vitest";
import { cellAt, deadPath, moveCell } from "./cells.ts";
import { bandPath, linePath, nearestIndex } from "./lines.ts";

test("a place is in one cell, places at the far edges in the last", () => {
  expect(cellAt(0, 0, 6, 16)).toEqual({ row: 0, column: 0 });
  expect(cellAt(0.49, 0.51, 2, 2)).toEqual({ row: 1, column: 0 });
  expect(cellAt(1, 1.2, 6, 16)).toEqual({ row: 5, column: 15 });
});

test("arrow keys move among the cells and stop at the edges", () => {
  expect(moveCell(undefined, "ArrowDown", 2, 2)).toEqual({ row: 0, column: 0 });
  expect(moveCell({ row: 0, column: 0 }, "ArrowRight", 2, 2)).toEqual({ row: 0, column: 1 });
  expect(moveCell({ row: 1, column: 1 }, "ArrowDown", 2, 2)).toEqual({ row: 1, column: 1 });
  expect(moveCell({ row: 0, column: 0 }, "Enter", 2, 2)).toBeUndefined();
  expect(moveCell(undefined, "ArrowDown", 0, 0)).toBeUndefined();
});

const crosses = (path: string) => path.split("M").length - 1;

test("every dead cell of a wide map has a cross; along a stretch of narrow ones they keep a distance", () => {
  expect(crosses(deadPath([1, 2, 17], 16, { width: 40, height: 20 }))).toBe(3);
  const stretch = Array.from({ length: 100 }, (_, column) => column);
  expect(crosses(deadPath(stretch, 400, { width: 1, height: 12 }))).toBe(10);
});

test("a lone dead cell keeps its cross however narrow, and so does each new stretch", () => {
  expect(deadPath([5], 1000, { width: 0.5, height: 1 })).toMatch(/l3 3/);
  expect(crosses(deadPath([0, 2, 4], 400, { width: 1, height: 12 }))).toBe(3);
  expect(crosses(deadPath([399, 400], 400, { width: 1, height: 12 }))).toBe(2);
});

test("a NaN interrupts a line and is left out of a band", () => {
  expect(linePath([0, 1, 2, 3], [1, 2, Number.NaN, 4])).toBe("M0 1L1 2M3 4");
  expect(bandPath([0, 1, 2], [1, Number.NaN, 1], [3, 3, 4])).toBe("M0 3L2 4L2 1L0 1Z");
  expect(bandPath([0], [Number.NaN], [1])).toBe("");
});

test("the nearest of ascending values", () => {
  expect([-5, 1.4, 1.6, 9].map((wanted) => nearestIndex([0, 1, 2, 3], wanted))).toEqual([0, 1, 2, 3]);
  expect(nearestIndex([], 1)).toBe(-1);
});
