// Whether a configuration can be trained: every value in its range, and values that fit each other.
import { strategies } from "./balancing/index.ts";
import type { ModelOptions } from "./model/transformer.ts";
import type { Recipe } from "./recipe.ts";
import { RecipeError } from "./recipe-error.ts";

/** Counts that may be zero; all others are 1 at least. */
const MAY_BE_ZERO = ["seed", "model.denseLayers", "model.sharedExperts"];

/** @throws RecipeError that names the first value which is not allowed */
export function checkRecipe(recipe: Recipe): void {
  const { model, data, optimizer, evaluation, steps, seed } = recipe;
  const { capacityFactor, ...counts } = model;
  for (const [path, value] of numbersOf({ steps, seed, model: counts, data })) {
    const least = MAY_BE_ZERO.includes(path) ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least) {
      throw new RecipeError(`${path} is ${value}; allowed are whole numbers from ${least}`);
    }
  }
  for (const [path, value] of numbersOf({ model: { capacityFactor }, optimizer, evaluation })) {
    if (!(value >= 0)) throw new RecipeError(`${path} is ${value}; allowed are numbers from 0`);
  }
  checkModel(model);
  checkStrategy(recipe);
}

function numbersOf(holder: object, prefix = ""): [path: string, value: number][] {
  return Object.entries(holder).flatMap(([key, value]): [string, number][] => {
    if (typeof value === "object") return numbersOf(value, `${prefix}${key}.`);
    return typeof value === "number" ? [[`${prefix}${key}`, value]] : [];
  });
}

function checkModel({ experts, topK, width, heads, layers, denseLayers, gate, normaliseGates }: ModelOptions): void {
  const refuse = (message: string): never => {
    throw new RecipeError(message);
  };
  if (topK > experts) refuse(`model.topK is ${topK}; allowed are 1 to model.experts = ${experts}`);
  if (width % (2 * heads) !== 0) {
    refuse(`model.width is ${width}; it must be a multiple of 2 × model.heads = ${2 * heads}, for rotary positions`);
  }
  if (denseLayers >= layers) {
    refuse(`model.denseLayers is ${denseLayers}; allowed are 0 to ${layers - 1}, since model.layers is ${layers}`);
  }
  if (gate !== "sigmoid" && gate !== "softmax") refuse(`model.gate is "${gate}"; allowed are sigmoid and softmax`);
  if (topK === 1 && normaliseGates) {
    refuse(
      "model.normaliseGates is true with model.topK = 1: every gate is 1, the router learns nothing; set it to false",
    );
  }
}

/** Building a strategy is what checks its options. */
function checkStrategy({ balancing, model: { experts, topK }, steps }: Recipe): void {
  try {
    strategies[balancing.strategy]!.create(balancing, { moeLayers: 1, experts, topK, steps });
  } catch (error) {
    throw new RecipeError((error as Error).message, { cause: error });
  }
}
