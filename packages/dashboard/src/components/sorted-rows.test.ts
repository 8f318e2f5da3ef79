import { expect, test } from "vitest";
import { sortedRows } from "./sorted-rows.ts";

test("numbers by size, NaN last either way, equal ones in their order", () => {
  const rows = [3, Number.NaN, 10, 2].map((value, place) => ({ value, place }));
  const order = (descending: boolean) => sortedRows(rows, ({ value }) => value, descending).map(({ place }) => place);
  expect(order(false)).toEqual([3, 0, 2, 1]);
  expect(order(true)).toEqual([2, 0, 3, 1]);
  const equal = [1, 2, 3].map((place) => ({ value: 7, place }));
  expect(sortedRows(equal, ({ value }) => value, true).map(({ place }) => place)).toEqual([1, 2, 3]);
});

test("texts by their letters, and the given rows stay as they are", () => {
  const rows = ["maths", "code", "docs"];
  expect(sortedRows(rows, (name) => name, false)).toEqual(["code", "docs", "maths"]);
  expect(rows[0]).toBe("maths");
});
