import { expect, test } from "vitest";
import { VIEWS } from "../address/address.ts";
import { tabTarget } from "./tabs.ts";

test("arrows go round the views, Home and End to the ends", () => {
  const walk = (key: string) => VIEWS.map((view) => tabTarget(view, key));
  expect(walk("ArrowRight")).toEqual([...VIEWS.slice(1), VIEWS[0]]);
  expect(walk("ArrowLeft")).toEqual([VIEWS.at(-1), ...VIEWS.slice(0, -1)]);
  expect([tabTarget("balance", "Home"), tabTarget("balance", "End")]).toEqual(["overview", VIEWS.at(-1)]);
});

test("Space opens the tab itself, and other keys are left to the page", () => {
  expect(tabTarget("layers", " ")).toBe("layers");
  expect([tabTarget("layers", "ArrowUp"), tabTarget("layers", "f"), tabTarget("layers", "Tab")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
