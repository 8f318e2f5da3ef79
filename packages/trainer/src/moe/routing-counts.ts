// Exact counts of what the routers did, per layer × category × expert: made on the device, turned into messages after the read-back.
//
// T tokens, C categories, L MoE layers, E experts.
import { sumHistograms } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { attribute, hasNativeOps, runNative } from "../ops/native.ts";
import { type Tensor2D, tf } from "../runtime/tf.ts";
import type { Routing } from "./router.ts";

/** What is counted of each layer, in the order in which it is packed. */
const QUANTITIES = 3; // assignments carried out, gate mass, router probability

/**
 * Sums of kept assignments, gate weights and router probabilities for each category, packed as [C, L · 3 · E].
 * Counts are exact while a batch has fewer than 2^24 assignments of one category to one expert.
 *
 * @param category_TC one-hot category of each token
 */
export function countRouting(routings: readonly Routing[], category_TC: Tensor2D): Tensor2D {
  return (hasNativeOps() ? countFused : countComposed)(routings, category_TC);
}

export function countFused(routings: readonly Routing[], category_TC: Tensor2D): Tensor2D {
  const kept = routings.map(({ kept_TE }) => kept_TE);
  const gates = routings.map(({ gates_TE }) => gates_TE);
  const scores = routings.map(({ scores_TE }) => scores_TE);
  return runNative(
    "MoescopeCountRouting",
    [category_TC, ...kept, ...gates, ...scores],
    [
      attribute("layers", "TF_ATTR_INT", routings.length),
      attribute("scores_are_shares", "TF_ATTR_BOOL", routings[0]!.scoresAreShares),
    ],
  ) as Tensor2D;
}

export function countComposed(routings: readonly Routing[], category_TC: Tensor2D): Tensor2D {
  const perLayer = routings.flatMap(({ chosen_TE, kept_TE, gates_TE, probabilities_TE }) => {
    return [kept_TE, kept_TE === chosen_TE ? gates_TE : tf.mul(gates_TE, kept_TE), probabilities_TE];
  });
  return tf.matMul(category_TC, tf.concat(perLayer, 1), true, false);
}

export interface CountedBatch {
  /** The packed sums after the read-back, [C · L · 3 · E]. */
  sums: Float32Array;
  /** Tokens of each category, [C]. */
  tokens: ArrayLike<number>;
  experts: number;
  topK: number;
}

/** Histogram of one MoE layer (`index` among MoE layers), a category that had no token left out. */
export function routingHistogram(
  { sums, tokens, experts, topK }: CountedBatch,
  index: number,
  layer: number,
  selectionBias: Float32Array | undefined,
): v1.RoutingHistogram.$Properties {
  const stride = sums.length / tokens.length;
  const categories: v1.CategoryRouting.$Properties[] = [];
  for (let category = 0; category < tokens.length; category++) {
    const count = tokens[category]!;
    if (count === 0) continue;
    const at = (quantity: number) => {
      const first = category * stride + (index * QUANTITIES + quantity) * experts;
      return sums.subarray(first, first + experts);
    };
    const counts = Array.from(at(0));
    categories.push({
      category,
      counts,
      tokens: count,
      dropped: topK * count - counts.reduce((sum, load) => sum + load, 0),
      gateMass: Array.from(at(1)),
      meanProbability: Array.from(at(2), (sum) => sum / count),
    });
  }
  return { layer, categories, selectionBias: selectionBias ? Array.from(selectionBias) : [] };
}

/** n_e of a layer over all categories, dropped choices not included. */
export function loadsOf({ categories }: v1.RoutingHistogram.$Properties): Float64Array {
  return sumHistograms((categories ?? []).map(({ counts }) => counts ?? []));
}

/** Mean router probability of each expert over all tokens of a layer. */
export function meanProbabilityOf({ categories }: v1.RoutingHistogram.$Properties): Float64Array {
  const tokens = categories!.reduce((sum, { tokens }) => sum + tokens!, 0);
  const weighted = categories!.map(({ meanProbability, tokens: own }) =>
    meanProbability!.map((p) => (p * own!) / tokens),
  );
  return sumHistograms(weighted);
}
