// Scores, choice and gate weights of one MoE layer.
//
// T tokens, D width, E experts, K choices of each token, G groups of experts.
import { expertCapacity } from "@moescope/metrics";
import type { BalancingStrategy, LayerRouting, RouterContext, RouterScores } from "../balancing/strategy.ts";
import { matrixProduct } from "../ops/matrix-product.ts";
import { offTape } from "../ops/off-tape.ts";
import { type Tensor1D, type Tensor2D, type Tensor3D, tf } from "../runtime/tf.ts";
import { limitToGroups } from "./expert-groups.ts";
import { gateScores, gateShares } from "./gate.ts";
import { chooseTopK, hotChoices, planRoutes, type RoutePlan } from "./route-plan.ts";

export interface RouterOptions {
  /** Experts to choose from, identity experts included. */
  experts: number;
  /** The last of the experts that only pass their token on (arXiv 2509.01322). */
  identityExperts: number;
  topK: number;
  /** How logits become scores: each on its own (sigmoid, √softplus), or all together (softmax). */
  gate: string;
  /** Whether the gate weights of a token's chosen experts add up to 1. */
  normaliseGates: boolean;
  /** What gate weights are multiplied by at the end (2.5 in DeepSeek-V3). */
  gateScale: number;
  /** Groups of experts (nodes), and how many of them a token may choose from; 1 and 1 for no limit. */
  groups: number;
  groupsKept: number;
  /** Most tokens an expert takes, as a multiple of its balanced share K·T/E, rounded up; 0 is dropless. */
  capacityFactor: number;
  /** What an expert at capacity keeps: the earliest choices, or those with the highest gate weights. */
  dropPolicy: string;
}

/** `position` after GShard (arXiv 2006.16668), `gate` after Megatron-LM's `moe_token_drop_policy` "probs". */
export const dropPolicies = ["position", "gate"];

export interface RouterWeights {
  /** Undefined for strategies that learn no router. */
  router_DE?: Tensor2D;
  noise_DE?: Tensor2D;
  wIn_ED2F: Tensor3D;
}

/** Who chooses in one layer: the strategy, its bias as a tensor, and where and when. */
export interface RouterControl {
  strategy: BalancingStrategy;
  bias_E?: Tensor1D;
  context: RouterContext;
}

export interface Routing extends LayerRouting {
  plan: RoutePlan;
  /** 1 where a token's choice was carried out; one tensor with `chosen_TE` when nothing can be dropped. */
  kept_TE: Tensor2D;
  /** Whether the scores of a token add up to 1, and so are its router probabilities. */
  scoresAreShares: boolean;
}

/**
 * Chooses K experts for every token by score + bias and weighs them by score alone (arXiv 2408.15664 eq. 3, 2412.19437 eq. 16),
 * where the strategy has no other way.
 */
export function route(x_TD: Tensor2D, weights: RouterWeights, control: RouterControl, options: RouterOptions): Routing {
  const { experts, topK, normaliseGates, gateScale } = options;
  const { strategy, bias_E, context } = control;
  const { clean_TE, logits_TE, scale_TE } = routerLogits(x_TD, weights, control, experts);
  const scores_TE = gateScores(logits_TE, options.gate);
  const scores = { context, topK, logits_TE, scores_TE, bias_E };
  const choice_TK = offTape(() => chooseExperts(scores, strategy, options));
  const gatesOf = (chosen_TE: Tensor2D) =>
    normaliseGates ? gateShares(logits_TE, options.gate, chosen_TE) : (tf.mul(scores_TE, chosen_TE) as Tensor2D);
  const dropsByGate = options.capacityFactor > 0 && options.dropPolicy === "gate";
  const priority_TE = dropsByGate ? offTape(() => gatesOf(hotChoices(choice_TK, experts))) : undefined;
  const { plan, chosen_TE, kept_TE } = planChoices(choice_TK, options, priority_TE);
  const gates_TE = gatesOf(chosen_TE);
  const scoresAreShares = options.gate === "softmax";
  let probabilities_TE: Tensor2D | undefined;
  return {
    context,
    topK,
    logits_TE,
    cleanLogits_TE: clean_TE,
    noiseScale_TE: scale_TE,
    scores_TE,
    plan,
    chosen_TE,
    kept_TE,
    preferred_TE: preferred(scores, chosen_TE, strategy, options),
    unbiased_TE: unbiased(scores, strategy, options),
    scoresAreShares,
    // Made when a loss asks for it: otherwise it costs no gradient.
    get probabilities_TE() {
      probabilities_TE ??= scoresAreShares ? scores_TE : gateShares(logits_TE, options.gate);
      return probabilities_TE;
    },
    gates_TE: gateScale === 1 ? gates_TE : (tf.mul(gates_TE, gateScale) as Tensor2D),
    router_DE: weights.router_DE,
    wIn_ED2F: weights.wIn_ED2F,
  };
}

function routerLogits(
  x_TD: Tensor2D,
  { router_DE, noise_DE }: RouterWeights,
  { strategy, context }: RouterControl,
  experts: number,
): { clean_TE: Tensor2D; logits_TE: Tensor2D; scale_TE?: Tensor2D } {
  const clean_TE = router_DE ? matrixProduct(x_TD, router_DE) : (tf.zeros([x_TD.shape[0], experts]) as Tensor2D);
  if (!strategy.addNoise || !noise_DE || !context.training) return { clean_TE, logits_TE: clean_TE };
  return { clean_TE, ...strategy.addNoise(clean_TE, matrixProduct(x_TD, noise_DE), context) };
}

function chooseExperts(scores: RouterScores, strategy: BalancingStrategy, options: RouterOptions): Tensor2D {
  const chosen_TK = strategy.choose?.(scores);
  if (chosen_TK) return chosen_TK;
  const { scores_TE, bias_E } = scores;
  const selection_TE =
    strategy.selectionScores?.(scores) ?? (bias_E ? (tf.add(scores_TE, bias_E) as Tensor2D) : scores_TE);
  const { topK, groups, groupsKept } = options;
  return chooseTopK(groups > groupsKept ? limitToGroups(selection_TE, groups, groupsKept) : selection_TE, topK);
}

/**
 * Identity experts take no row of work: their tokens pass by.
 *
 * @param priority_TE what experts at capacity keep the highest of; the earliest choices when absent
 */
function planChoices(
  choice_TK: Tensor2D,
  { experts, identityExperts, topK, capacityFactor }: RouterOptions,
  priority_TE: Tensor2D | undefined,
) {
  const capacity = capacityFactor > 0 ? expertCapacity(capacityFactor, topK * choice_TK.shape[0], experts) : undefined;
  if (identityExperts === 0) {
    const plan = planRoutes(choice_TK, experts, capacity, priority_TE);
    return { plan, chosen_TE: plan.chosen_TE, kept_TE: plan.kept_TE };
  }
  const working = experts - identityExperts;
  return offTape(() => {
    const none_TK = tf.neg(tf.onesLike(choice_TK));
    const plan = planRoutes(
      tf.where(tf.less(choice_TK, tf.scalar(working, "int32")), choice_TK, none_TK) as Tensor2D,
      working,
      capacity,
      priority_TE,
    );
    const passed_TE = hotChoices(tf.sub(choice_TK, tf.scalar(working, "int32")) as Tensor2D, identityExperts);
    const beside = (x_TE: Tensor2D) => tf.concat([x_TE, passed_TE], 1);
    const chosen_TE = beside(plan.chosen_TE);
    return { plan, chosen_TE, kept_TE: plan.kept_TE === plan.chosen_TE ? chosen_TE : beside(plan.kept_TE) };
  });
}

function preferred(
  { scores_TE, topK, bias_E }: RouterScores,
  chosen_TE: Tensor2D,
  strategy: BalancingStrategy,
  { experts, groups, groupsKept }: RouterOptions,
): () => Tensor2D {
  if (!bias_E && !strategy.selectionScores && !strategy.choose && groups === groupsKept) return () => chosen_TE;
  let preferred_TE: Tensor2D | undefined;
  return () => {
    preferred_TE ??= offTape(() => hotChoices(chooseTopK(scores_TE, topK), experts));
    return preferred_TE;
  };
}

function unbiased(
  scores: RouterScores,
  strategy: BalancingStrategy,
  options: RouterOptions,
): (() => Tensor2D) | undefined {
  if (!scores.bias_E) return undefined;
  return () =>
    offTape(() => hotChoices(chooseExperts({ ...scores, bias_E: undefined }, strategy, options), options.experts));
}
