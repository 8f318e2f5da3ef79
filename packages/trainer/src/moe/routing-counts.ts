// Exact counts of what the routers did: made on the device, turned into messages after the read-back.
//
// T tokens, C categories, L MoE layers, E experts, R sums for each expert of a layer.
import { sumHistograms, totalLoad } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { attribute, hasNativeOps, runNative } from "../ops/native.ts";
import { type Tensor2D, tf } from "../runtime/tf.ts";
import type { Routing } from "./router.ts";

/**
 * Tokens of the largest batch whose counts are exact: a token chooses an expert at most once, and float32 holds every whole number up
 * to here.
 */
export const MOST_COUNTED_TOKENS = 2 ** 24;

export type CountedRouting = Pick<
  Routing,
  "chosen_TE" | "kept_TE" | "gates_TE" | "scores_TE" | "probabilities_TE" | "scoresAreShares"
>;

/**
 * The sums of each layer, rows of [E] one below another: Σ chosen for each category; where experts have a capacity, Σ (chosen − kept) for
 * each category; Σ gate weight of what was kept, over all tokens; Σ router probability over all tokens.
 *
 * @param category_TC one-hot category of each token
 * @param droppable whether experts have a capacity
 * @returns [L · R, E]
 */
export function countRouting(routings: readonly CountedRouting[], category_TC: Tensor2D, droppable: boolean): Tensor2D {
  return (hasNativeOps() ? countFused : countComposed)(routings, category_TC, droppable);
}

/** R, the rows that `countRouting` makes for a layer. */
export function rowsOfLayer(categories: number, droppable: boolean): number {
  return categories * (droppable ? 2 : 1) + 2;
}

export function countFused(routings: readonly CountedRouting[], category_TC: Tensor2D, droppable: boolean): Tensor2D {
  const chosen = routings.map(({ chosen_TE }) => chosen_TE);
  const kept = routings.map(({ kept_TE }) => kept_TE);
  const gates = routings.map(({ gates_TE }) => gates_TE);
  const scores = routings.map(({ scores_TE }) => scores_TE);
  return runNative(
    "MoescopeCountRouting",
    [category_TC, ...chosen, ...kept, ...gates, ...scores],
    [
      attribute("layers", "TF_ATTR_INT", routings.length),
      attribute("droppable", "TF_ATTR_BOOL", droppable),
      attribute("scores_are_shares", "TF_ATTR_BOOL", routings[0]!.scoresAreShares),
    ],
  ) as Tensor2D;
}

export function countComposed(
  routings: readonly CountedRouting[],
  category_TC: Tensor2D,
  droppable: boolean,
): Tensor2D {
  const byCategory = (assigned_TE: Tensor2D) => tf.matMul(category_TC, assigned_TE, true, false);
  const overAll = (x_TE: Tensor2D) => tf.sum(x_TE, 0, true) as Tensor2D;
  const rows = routings.flatMap(({ chosen_TE, kept_TE, gates_TE, probabilities_TE }) => [
    byCategory(chosen_TE),
    ...(droppable ? [byCategory(tf.sub(chosen_TE, kept_TE) as Tensor2D)] : []),
    overAll(droppable ? (tf.mul(gates_TE, kept_TE) as Tensor2D) : gates_TE),
    overAll(probabilities_TE),
  ]);
  return tf.concat(rows, 0) as Tensor2D;
}

export interface CountedBatch {
  /** What `countRouting` made, after the read-back: [L · R · E]. */
  sums: Float32Array;
  /** Tokens of each category, [C]. */
  tokens: ArrayLike<number>;
  droppable: boolean;
}

/**
 * Histogram of one MoE layer. Categories without tokens are left out.
 *
 * @param place of the layer among the MoE layers, which are all of one size
 */
export function routingHistogram(
  { sums, tokens, droppable }: CountedBatch,
  place: number,
  layer: v1.MoeLayer,
  selectionBias: Float32Array | undefined,
): v1.RoutingHistogram.$Properties {
  const { index, experts } = layer;
  const categories = tokens.length;
  const rows = rowsOfLayer(categories, droppable);
  const row = (at: number) => {
    const first = (place * rows + at) * experts;
    return Array.from(sums.subarray(first, first + experts));
  };
  const present = Array.from(tokens, (_, category) => category).filter((category) => tokens[category]! > 0);
  const all = totalLoad(tokens);
  return {
    layer: index,
    categories: present.map((category) => {
      const droppedCounts = droppable ? row(categories + category) : [];
      return { category, tokens: tokens[category]!, ...assignmentsOf(layer, row(category), droppedCounts) };
    }),
    selectionBias: selectionBias ? Array.from(selectionBias) : [],
    gateMass: row(rows - 2),
    meanProbability: row(rows - 1).map((sum) => sum / all),
  };
}

/** Leaves out dropped counts where nothing was dropped, and the sum of counts where it is top-k × tokens. */
function assignmentsOf(
  { topK, expertsChoose }: v1.MoeLayer,
  counts: number[],
  droppedCounts: number[],
): v1.CategoryRouting.$Properties {
  return {
    counts,
    ...(droppedCounts.some((n) => n > 0) && { droppedCounts }),
    ...((expertsChoose || topK === 0) && { assignments: totalLoad(counts) }),
  };
}

/** n_e of a layer over all categories, dropped choices included. */
export function loadsOf({ categories }: v1.RoutingHistogram.$Properties): Float64Array {
  return sumHistograms((categories ?? []).map(({ counts }) => counts ?? []));
}

/** The same without identity experts, which measures of balance leave out. */
export function workingLoadsOf(
  histogram: v1.RoutingHistogram.$Properties,
  { identityExperts }: Pick<v1.MoeLayer, "identityExperts">,
): Float64Array {
  const loads = loadsOf(histogram);
  return loads.subarray(0, loads.length - identityExperts);
}
