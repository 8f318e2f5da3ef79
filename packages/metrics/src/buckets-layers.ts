// A layer of consecutive buckets added up: sums are exact, the extremes are of single steps, the bias is the newest.
import type { v1 } from "@moescope/proto";
import { addMeans } from "./buckets-gates.ts";
import { addNumbers, declared, keepExtremes, NONE, ownNumbers } from "./buckets-numbers.ts";
import { ascending, categoryOf, merged } from "./buckets-order.ts";
import { addSummary } from "./buckets-scalars.ts";
import { accumulate, setToSum } from "./window.ts";

type Layer = v1.LayerSummary.$Properties;
type Load = v1.CategoryLoad.$Properties;

/**
 * Adds what a later bucket says of a layer.
 *
 * A step without any category of the layer has no load, so it has no part in the extremes.
 *
 * @param sum changed; begun without one
 */
export function addLayer(sum: v1.LayerSummary | undefined, next: Layer): v1.LayerSummary {
  const all = sum ?? emptyLayer(next.layer);
  all.maxViolation = addSummary(sum?.maxViolation, next.maxViolation ?? NO_VIOLATION);
  all.deadExperts += next.deadExperts ?? 0;
  all.tokens += next.tokens ?? 0;
  all.dropped += next.dropped ?? 0;
  all.categories = merged(all.categories, ascending(next.categories ?? [], categoryOf), categoryOf, addLoad);
  keepExtremes(all, next);
  all.selectionBias = next.selectionBias ?? NONE;
  all.gateMass = addNumbers(all.gateMass, next.gateMass);
  addMeans(all, next);
  return all;
}

const NO_VIOLATION = { name: "max_violation" };

function emptyLayer(layer = 0): v1.LayerSummary {
  // Without the constructor, which makes arrays that are not needed.
  return {
    layer,
    maxViolation: undefined as never,
    ...{ deadExperts: 0, tokens: 0, dropped: 0, categories: [], countsMin: NONE, countsMax: NONE },
    ...{ selectionBias: NONE, gateMass: NONE, meanProbability: NONE, probabilityTokens: 0 },
  } as unknown as v1.LayerSummary;
}

function addLoad(sum: v1.CategoryLoad | undefined, next: Load): v1.CategoryLoad {
  const { category = 0, tokens = 0, dropped = 0 } = next;
  if (sum === undefined) {
    const [counts, droppedCounts] = [ownNumbers(next.counts), ownNumbers(next.droppedCounts)];
    return { category, counts, tokens, dropped, droppedCounts } as v1.CategoryLoad;
  }
  sum.counts = addNumbers(sum.counts, next.counts);
  sum.tokens += tokens;
  sum.dropped += dropped;
  sum.droppedCounts = addNumbers(sum.droppedCounts, next.droppedCounts);
  return sum;
}

/** Puts ordinary arrays in the place of a sum's typed ones, for those who do with them what messages promise. */
export function toOrdinaryArrays(layer: v1.LayerSummary): void {
  layer.countsMin = Array.from(layer.countsMin);
  layer.countsMax = Array.from(layer.countsMax);
  layer.selectionBias = Array.from(layer.selectionBias);
  layer.gateMass = Array.from(layer.gateMass);
  layer.meanProbability = Array.from(layer.meanProbability);
  for (const load of layer.categories) {
    load.counts = Array.from(load.counts);
    load.droppedCounts = Array.from(load.droppedCounts);
  }
}

/** Experts that the categories of a layer have counts for. */
export function expertsOf(categories: readonly Load[]): number {
  let experts = 0;
  for (const { counts = NONE } of categories) if (counts.length > experts) experts = counts.length;
  return experts;
}

/**
 * Writes the load of a layer: n_e over all categories.
 *
 * @param load overwritten; as long as `expertsOf`
 */
export function putLoad(load: Float64Array, categories: readonly Load[]): void {
  const [first, second] = categories;
  if (isUneven(categories, load.length)) putUneven(load, categories);
  else if (second === undefined) load.set(first?.counts ?? NONE);
  else {
    setToSum(load, first!.counts!, second.counts!);
    for (let index = 2; index < categories.length; index++) accumulate(load, categories[index]!.counts!);
  }
}

function isUneven(categories: readonly Load[], experts: number): boolean {
  for (const { counts = NONE } of categories) if (counts.length !== experts) return true;
  return false;
}

function putUneven(load: Float64Array, categories: readonly Load[]): void {
  load.fill(0);
  for (const { counts } of categories) addNumbers(declared(load), counts);
}

/** @returns n_e over all categories of a layer, a number for each expert that any category has one for */
export function layerLoad({ categories = [] }: Layer): Float64Array {
  const load = new Float64Array(expertsOf(categories));
  putLoad(load, categories);
  return load;
}

/** A layer's metrics alone: what is sent and kept of a layer whose experts are not asked for. */
export function withoutExperts(layer: Layer): Layer {
  return {
    ...layer,
    ...{ categories: [], countsMin: [], countsMax: [], selectionBias: [], gateMass: [], meanProbability: [] },
    probabilityTokens: 0,
  };
}
