// Keeps the README's table of strategies true.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { resolveRecipe } from "../recipe/resolve-recipe.ts";
import { strategies } from "./index.ts";

const readme = readFileSync(new URL("../../../../README.md", import.meta.url), "utf8");
const section = readme.split("## Balancing strategies")[1]!.split("\n## ")[0]!;

test("every strategy has a row, and every row is a strategy", () => {
  const rows = [...section.matchAll(/^\| `([a-z][a-z0-9-]*)` \|/gm)].map(([, name]) => name);
  expect(rows).toEqual(Object.keys(strategies));
});

test("every option and setting that it names exists", () => {
  const named = new Set([...section.matchAll(/`(?:--set )?((?:balancing|model)\.\w+)/g)].map(([, path]) => path!));
  expect(named.size).toBeGreaterThan(8);
  const options = new Set(
    Object.keys(strategies).flatMap((strategy) => {
      const { balancing, model } = resolveRecipe({ recipe: "demo", strategy });
      return [
        ...Object.keys(balancing).map((name) => `balancing.${name}`),
        ...Object.keys(model).map((name) => `model.${name}`),
      ];
    }),
  );
  expect([...named].filter((path) => !options.has(path))).toEqual([]);
});
