// From names and single settings to the configuration of a run: a recipe, a strategy, then key=value; checked before anything starts.
import { closest } from "fastest-levenshtein";
import { definitionOf, partsOf } from "../balancing/combination.ts";
import { strategies } from "../balancing/index.ts";
import { rangesOf, suffixed } from "../balancing/layer-ranges.ts";
import type { Setting, StrategyDefinition } from "../balancing/strategy.ts";
import { type TokenClass, withTokenClasses } from "../probe/token-classes.ts";
import type { NamedRecipe, Recipe } from "./recipe.ts";
import { checkRecipe } from "./recipe-check.ts";
import { RecipeError } from "./recipe-error.ts";
import { recipes } from "./recipes/index.ts";

export interface RecipeChoice {
  recipe: string;
  strategy: string;
  seed?: number;
  steps?: number;
  /** `path=value`, as in `model.experts=64`. */
  settings?: readonly string[];
  /** Come before those of the recipe; one of the same name takes its place. */
  tokenClasses?: readonly TokenClass[];
}

/** @throws RecipeError */
export function resolveRecipe({
  recipe: name,
  strategy,
  seed,
  steps,
  settings = [],
  tokenClasses = [],
}: RecipeChoice): Recipe {
  const { summary: _, strategySettings, ...body } = named("recipe", recipes, name);
  const { defaults, model } = strategyNamed(strategy);
  const recipe: Recipe = {
    recipe: name,
    seed: seed ?? 0,
    ...structuredClone(body),
    steps: steps ?? body.steps,
    balancing: { strategy, ...defaults, ...settingsFor(strategy, strategySettings) },
  };
  Object.assign(recipe.model, model);
  recipe.probe.tokenClasses = withTokenClasses(tokenClasses, recipe.probe.tokenClasses);
  for (const setting of settings) applySetting(recipe, setting);
  checkRecipe(recipe);
  return recipe;
}

function strategyNamed(strategy: string): StrategyDefinition {
  try {
    for (const part of partsOf(strategy)) named("strategy", strategies, part);
    return definitionOf(strategy);
  } catch (error) {
    if (error instanceof RecipeError) throw error;
    throw new RecipeError((error as Error).message, { cause: error });
  }
}

/** What a recipe sets for the parts of a strategy, and then for the whole. */
function settingsFor(strategy: string, settings: NamedRecipe["strategySettings"] = {}): Record<string, Setting> {
  const ranges = rangesOf(strategy);
  if (ranges[0]!.suffix !== "") {
    return Object.assign({}, ...ranges.map((range) => suffixed(settingsFor(range.strategy, settings), range.suffix)));
  }
  return Object.assign({}, ...partsOf(strategy).map((part) => settings[part]), settings[strategy]);
}

function named<Value>(kind: string, values: Readonly<Record<string, Value>>, name: string): Value {
  if (Object.hasOwn(values, name)) return values[name]!;
  throw new RecipeError(unknownName(kind, name, Object.keys(values)));
}

function unknownName(kind: string, name: string, allowed: string[]): string {
  if (allowed.length === 0) return `Unknown ${kind} "${name}"; there are none here`;
  return `Unknown ${kind} "${name}"; did you mean "${nearest(name, allowed)}"? Allowed: ${allowed.join(", ")}`;
}

/** What it is short for, or the last part of, before what is spelt most alike. */
function nearest(name: string, allowed: string[]): string {
  const related = allowed.find((other) => isShortFor(name, other) || other.endsWith(`.${name}`));
  return related ?? closest(name, allowed);
}

/** Word by word: "aux-loss" is short for "auxiliary-loss", and so is "aux". */
function isShortFor(name: string, other: string): boolean {
  const words = other.split("-");
  return name.split("-").every((start, i) => words[i]?.startsWith(start));
}

function applySetting(recipe: Recipe, text: string): void {
  const [, path, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (path === undefined || value === undefined) {
    throw new RecipeError(`Setting "${text}" has no value; write key=value, as in model.experts=64`);
  }
  const settable = settablePaths(recipe);
  const holder = settable.get(path);
  if (!holder) throw new RecipeError(unknownName("setting", path, [...settable.keys()]));
  const key = path.split(".").at(-1)!;
  holder[key] = parseLike(holder[key]!, path, value);
}

/** Where each setting lives: every number, switch and word of a recipe except what has an option of its own. */
function settablePaths(recipe: Recipe): Map<string, Record<string, Setting>> {
  const { recipe: _, balancing, ...body } = recipe;
  const paths = new Map<string, Record<string, Setting>>();
  const visit = (holder: object, prefix: string) => {
    for (const [key, value] of Object.entries(holder)) {
      if (Array.isArray(value)) continue;
      if (typeof value === "object") visit(value, `${prefix}${key}.`);
      else paths.set(`${prefix}${key}`, holder as Record<string, Setting>);
    }
  };
  visit({ ...body, balancing }, "");
  paths.set("steps", recipe as unknown as Record<string, Setting>);
  paths.set("seed", recipe as unknown as Record<string, Setting>);
  paths.delete("balancing.strategy");
  return paths;
}

function parseLike(like: Setting, path: string, text: string): Setting {
  if (typeof like === "string") return text;
  if (typeof like === "boolean") {
    if (text === "true" || text === "false") return text === "true";
    throw new RecipeError(`${path} is "${text}"; allowed are true and false`);
  }
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new RecipeError(`${path} is "${text}"; it must be a number`);
}
