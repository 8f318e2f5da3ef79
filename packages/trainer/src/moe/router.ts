// Scores, choice and gate weights of one MoE layer.
//
// T tokens, D width, E experts, K choices of each token.
import type { LayerRouting } from "../balancing/strategy.ts";
import { matrixProduct } from "../ops/matrix-product.ts";
import { type Tensor1D, type Tensor2D, tf } from "../runtime/tf.ts";
import { chooseTopK, planRoutes, type RoutePlan } from "./route-plan.ts";

export interface RouterOptions {
  experts: number;
  topK: number;
  /** How logits become scores: each on its own, or all together. */
  gate: "sigmoid" | "softmax";
  /** Whether the gate weights of a token's chosen experts add up to 1. */
  normaliseGates: boolean;
  /** Most tokens an expert takes, as a multiple of its balanced share K·T/E, rounded up; 0 is dropless. */
  capacityFactor: number;
}

export interface Routing extends LayerRouting {
  plan: RoutePlan;
  /** Gate weights: zero for experts that were not chosen. */
  gates_TE: Tensor2D;
}

/**
 * Chooses K experts for every token by score + bias and weighs them by score alone (arXiv 2408.15664 eq. 3, 2412.19437 eq. 16).
 *
 * @param bias_E undefined for strategies without one
 */
export function route(
  x_TD: Tensor2D,
  router_DE: Tensor2D,
  bias_E: Tensor1D | undefined,
  layer: number,
  options: RouterOptions,
): Routing {
  const { experts, topK, gate, normaliseGates, capacityFactor } = options;
  const logits_TE = matrixProduct(x_TD, router_DE);
  const scores_TE: Tensor2D = gate === "sigmoid" ? tf.sigmoid(logits_TE) : (tf.softmax(logits_TE) as Tensor2D);
  const choice_TK = chooseTopK(bias_E ? (tf.add(scores_TE, bias_E) as Tensor2D) : scores_TE, topK);
  const plan = planRoutes(choice_TK, experts, capacityOf(capacityFactor, x_TD.shape[0], options));
  const chosenScores_TE = tf.mul(scores_TE, plan.chosen_TE) as Tensor2D;
  return {
    layer,
    topK,
    logits_TE,
    plan,
    chosen_TE: plan.chosen_TE,
    probabilities_TE: gate === "sigmoid" ? shares(scores_TE) : scores_TE,
    gates_TE: normaliseGates ? shares(chosenScores_TE) : chosenScores_TE,
  };
}

function capacityOf(factor: number, tokens: number, { experts, topK }: RouterOptions): number | undefined {
  return factor > 0 ? Math.ceil((factor * topK * tokens) / experts) : undefined;
}

/** Every row divided by its sum. */
function shares(x_TE: Tensor2D): Tensor2D {
  return tf.div(x_TE, tf.add(tf.sum(x_TE, 1, true), 1e-20)) as Tensor2D;
}
