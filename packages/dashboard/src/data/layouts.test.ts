import { expect, test } from "vitest";
import { readLayouts, renamed, withLayout } from "./layouts.ts";

const saved = [
  { name: "collapse", search: "?view=layers" },
  { name: "loss", search: "?view=balance" },
];

test("a layout is added, one of the same name is replaced in its place", () => {
  expect(withLayout(saved, { name: " new ", search: "?x=time" }).at(-1)).toEqual({ name: "new", search: "?x=time" });
  expect(withLayout(saved, { name: "collapse", search: "" })).toEqual([{ name: "collapse", search: "" }, saved[1]]);
});

test("renaming keeps names unique and never empty", () => {
  expect(renamed(saved, "loss", "losses").map(({ name }) => name)).toEqual(["collapse", "losses"]);
  for (const name of ["collapse", " "]) expect(renamed(saved, "loss", name)).toBe(saved);
});

test("a file that holds something else is refused, entries of another form are left out", () => {
  expect(readLayouts({ name: "a" })).toBeUndefined();
  expect(readLayouts([...saved, { name: 3 }, null])).toEqual(saved);
});
