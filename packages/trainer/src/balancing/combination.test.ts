import { describe, expect, test } from "vitest";
import { RecipeError } from "../recipe/recipe-error.ts";
import { resolveRecipe } from "../recipe/resolve-recipe.ts";
import { openBackend } from "../runtime/backends.ts";
import { definitionOf } from "./combination.ts";
import { strategies } from "./index.ts";
import { constantSchedule } from "./schedule.ts";
import { strategyCases } from "./strategy.cases.ts";

await openBackend();

const deepseek = "loss-free-bias+auxiliary-loss+z-loss";
const resolve = (strategy: string) => resolveRecipe({ recipe: "demo", strategy });

describe(deepseek, () => strategyCases(deepseek, { improves: true }));

describe("a combination", () => {
  test("has the options of all its parts, with what the recipe sets for each", () => {
    expect(resolve(deepseek).balancing).toEqual({
      strategy: deepseek,
      speed: 0.01,
      update: "sign",
      until: 1,
      coefficient: 0.01,
      scope: "global",
      microBatches: 4,
      f: "all",
      zCoefficient: 0.001,
      ...constantSchedule,
    });
  });

  test.each([
    ["loss-free-bias+quantile", /each decide which experts are chosen/],
    ["auxiliary-loss+auxiliary-loss", /"auxiliary-loss" is named twice/],
    ["none+z-loss", /"none" stands for no balancing/],
    ["hash+z-loss", /learns no router/],
    ["expert-choice+auxiliary-loss", /"auxiliary-loss" has nothing to do, because expert choice gives/],
    ["sinkhorn+auxiliary-loss", /nothing to do/],
    ["z-loss+nonsense", /Unknown strategy "nonsense"; did you mean "none"/],
  ])("%s is refused before training, saying why", (strategy, why) => {
    expect(() => resolve(strategy)).toThrow(RecipeError);
    expect(() => resolve(strategy)).toThrow(why);
  });

  test("no two strategies that combine share the name of an option", () => {
    const names = Object.keys(strategies);
    for (const a of names) {
      for (const b of names.slice(names.indexOf(a) + 1)) {
        const shared = Object.keys(strategies[a]!.defaults).filter((option) => option in strategies[b]!.defaults);
        if (shared.length > 0)
          expect(() => definitionOf(`${a}+${b}`), `${a}+${b}: ${shared}`).toThrow(/makes no sense/);
      }
    }
  });

  test("z-loss combines with every strategy that has a router", () => {
    const withRouter = Object.keys(strategies).filter((name) => !["none", "z-loss", "hash"].includes(name));
    for (const name of withRouter) expect(resolve(`${name}+z-loss`).balancing.zCoefficient).toBe(0.001);
  });
});
