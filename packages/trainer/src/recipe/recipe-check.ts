// Whether a configuration can be trained: every value in its range, and values that fit each other.
import { createStrategy, definitionOf } from "../balancing/combination.ts";
import type { BalancedRun } from "../balancing/strategy.ts";
import { rowOrders } from "../data/batch.ts";
import { type ModelOptions, moeLayersOf } from "../model/transformer.ts";
import { gateNames } from "../moe/gate.ts";
import { dropPolicies } from "../moe/router.ts";
import { MOST_COUNTED_TOKENS } from "../moe/routing-counts.ts";
import { checkTokenClasses } from "../probe/token-classes.ts";
import type { Recipe } from "./recipe.ts";
import { RecipeError } from "./recipe-error.ts";

/** Counts that may be zero; all others are 1 at least. */
const MAY_BE_ZERO = ["seed", "model.patchSize", "model.denseLayers", "model.sharedExperts", "model.identityExperts"];

/** @throws RecipeError that names the first value which is not allowed */
export function checkRecipe(recipe: Recipe): void {
  const { model, data, optimizer, evaluation, steps, seed } = recipe;
  const { capacityFactor, gateScale, ...counts } = model;
  for (const [path, value] of numbersOf({ steps, seed, model: counts, data })) {
    const least = MAY_BE_ZERO.includes(path) ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least) {
      throw new RecipeError(`${path} is ${value}; allowed are whole numbers from ${least}`);
    }
  }
  for (const [path, value] of numbersOf({ model: { capacityFactor, gateScale }, optimizer, evaluation })) {
    if (!(value >= 0)) throw new RecipeError(`${path} is ${value}; allowed are numbers from 0`);
  }
  if (!(rowOrders as readonly string[]).includes(data.order)) {
    refuse(`data.order is "${data.order}"; allowed: ${rowOrders.join(", ")}`);
  }
  if (data.end === "") refuse("data.end is empty; allowed: auto, none, or a token");
  checkCounts(data);
  checkModel(model);
  checkDrops(recipe);
  checkProbe(recipe);
  checkStrategy(recipe);
}

function numbersOf(holder: object, prefix = ""): [path: string, value: number][] {
  return Object.entries(holder).flatMap(([key, value]): [string, number][] => {
    if (typeof value === "object") return numbersOf(value, `${prefix}${key}.`);
    return typeof value === "number" ? [[`${prefix}${key}`, value]] : [];
  });
}

/** Counts are added up in float32 on the device, and sent as 32 bits. */
function checkCounts({ batch, sequence, validationBatches }: Recipe["data"]): void {
  const tokens = batch * sequence;
  if (tokens > MOST_COUNTED_TOKENS) {
    refuse(
      `data.batch × data.sequence is ${tokens}; it must be at most 2^24 = ${MOST_COUNTED_TOKENS}, for exact counts`,
    );
  }
  if (tokens * validationBatches >= 2 ** 32) {
    refuse(
      `data.validationBatches is ${validationBatches}; with ${tokens} tokens a batch they must be below 2^32 tokens`,
    );
  }
}

function checkModel(model: ModelOptions): void {
  const { experts, identityExperts, topK, width, heads, layers, denseLayers, gate } = model;
  if (topK > experts) refuse(`model.topK is ${topK}; allowed are 1 to model.experts = ${experts}`);
  if (identityExperts >= experts) {
    refuse(
      `model.identityExperts is ${identityExperts}; allowed are 0 to ${experts - 1}, since model.experts is ${experts}`,
    );
  }
  if (width % (2 * heads) !== 0) {
    refuse(`model.width is ${width}; it must be a multiple of 2 × model.heads = ${2 * heads}, for rotary positions`);
  }
  if (denseLayers >= layers) {
    refuse(`model.denseLayers is ${denseLayers}; allowed are 0 to ${layers - 1}, since model.layers is ${layers}`);
  }
  if (!gateNames.includes(gate)) refuse(`model.gate is "${gate}"; allowed: ${gateNames.join(", ")}`);
  checkGroups(model);
}

/** Choices are ranked by float32. */
function checkDrops({ model, data }: Recipe): void {
  const { dropPolicy, topK } = model;
  if (!dropPolicies.includes(dropPolicy)) {
    refuse(`model.dropPolicy is "${dropPolicy}"; allowed: ${dropPolicies.join(", ")}`);
  }
  const choices = data.batch * data.sequence * topK;
  if (dropPolicy === "gate" && choices > MOST_COUNTED_TOKENS) {
    refuse(
      `model.dropPolicy is gate with ${choices} choices a batch; it makes at most 2^24 = ${MOST_COUNTED_TOKENS}: set it to position`,
    );
  }
}

function checkProbe({ probe, data }: Recipe): void {
  const { every, tokenClasses } = probe;
  if (!Number.isSafeInteger(every) || every < 0) refuse(`probe.every is ${every}; allowed are whole numbers from 0`);
  if (every > 0 && data.sequence < 4) {
    refuse(`probe.every is ${every} with data.sequence = ${data.sequence}; heads are told apart on 4 tokens or more`);
  }
  checkTokenClasses(tokenClasses);
}

function checkGroups({ experts, topK, groups, groupsKept }: ModelOptions): void {
  if (experts % groups !== 0) refuse(`model.groups is ${groups}; it must divide model.experts = ${experts}`);
  if (groupsKept > groups) refuse(`model.groupsKept is ${groupsKept}; allowed are 1 to model.groups = ${groups}`);
  const reachable = (groupsKept * experts) / groups;
  if (topK > reachable) {
    refuse(`model.topK is ${topK}, but ${groupsKept} of ${groups} groups hold ${reachable} experts; keep more groups`);
  }
}

/** Building a strategy is what checks its options. */
function checkStrategy(recipe: Recipe): void {
  const { balancing, model } = recipe;
  try {
    const { router } = definitionOf(balancing.strategy);
    if (model.topK === 1 && model.normaliseGates && router?.learned !== false) {
      refuse(
        "model.normaliseGates is true with model.topK = 1: every gate is 1, the router learns nothing; set it to false",
      );
    }
    createStrategy(balancing.strategy, balancing, balancedRun(recipe));
  } catch (error) {
    throw new RecipeError((error as Error).message, { cause: error });
  }
}

/** A run as its strategy sees it. */
export function balancedRun({ model, data, steps, seed }: Recipe): BalancedRun {
  const tokens = data.batch * data.sequence;
  return { ...model, moeLayers: moeLayersOf(model).length, sequences: data.batch, tokens, steps, seed };
}

function refuse(message: string): never {
  throw new RecipeError(message);
}
