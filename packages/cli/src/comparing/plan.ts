// The runs of a comparison before any of them starts: every arm with every seed, resolved and checked.
import { isDeepStrictEqual } from "node:util";
import { configurationOf, type Recipe, RecipeError, type RunConfiguration } from "@moescope/trainer";
import { WrongUse } from "../failure.ts";
import { dataOf, type RunOptions, recipeOf } from "../training/run-options.ts";
import type { Arm } from "./arms.ts";

export interface PlannedRun {
  arm: Arm;
  seed: number;
  recipe: Recipe;
  configuration: RunConfiguration;
}

/**
 * Seed by seed, so that a comparison that is cut short has whole pairs.
 *
 * @throws WrongUse that names the arm and the value which is not allowed
 */
export function planRuns(arms: readonly Arm[], seeds: readonly number[], options: RunOptions): PlannedRun[] {
  const data = dataOf(options);
  const runs = seeds.flatMap((seed) =>
    arms.map((arm): PlannedRun => {
      const recipe = recipeOfArm(arm, seed, options);
      return { arm, seed, recipe, configuration: configurationOf(recipe, data) };
    }),
  );
  refuseTwins(runs.slice(0, arms.length));
  return runs;
}

function recipeOfArm({ name, strategy, settings }: Arm, seed: number, options: RunOptions): Recipe {
  const set = [...(options.set ?? []), ...settings];
  const resolved = resolve(name, () => recipeOf({ ...options, seed, set }, strategy));
  if (resolved.seed !== seed) throw new WrongUse(`Arm "${name}": seed is set to ${resolved.seed}; --seeds sets it`);
  return resolved;
}

function resolve(arm: string, build: () => Recipe): Recipe {
  try {
    return build();
  } catch (error) {
    if (error instanceof RecipeError) throw new WrongUse(`Arm "${arm}": ${error.message}`, { cause: error });
    throw error;
  }
}

function refuseTwins(runs: readonly PlannedRun[]): void {
  for (const [place, { arm, recipe }] of runs.entries()) {
    const twin = runs.slice(0, place).find((other) => isDeepStrictEqual(other.recipe, recipe));
    if (twin) throw new WrongUse(`Arms "${twin.arm.name}" and "${arm.name}" have the same configuration`);
  }
}
