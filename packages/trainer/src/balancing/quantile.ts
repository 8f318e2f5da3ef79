// Quantile balancing: each step sets the bias to what would have balanced the batch, by one step of the dual problem.
//
// T tokens, E experts, K choices of each token, q = K·T/E tokens of each expert.
import { offTape } from "../ops/off-tape.ts";
import { topValues } from "../ops/top-values.ts";
import { type Tensor1D, type Tensor2D, tf } from "../runtime/tf.ts";
import { selectionBias } from "./selection-bias.ts";
import { requireEvenShares, requireShare, type StrategyDefinition } from "./strategy.ts";

/**
 * Choice by score − β. After a batch, with the β it was chosen by: α_t = the (K+1)-th highest of s_t − β, then
 * β_e = the (q+1)-th highest of s_e − α (Jianlin Su, kexue.fm 11619; Megatron-LM's `quantile_balancing`). `momentum` is the share of the
 * old β that stays. The bias shown and sent is −β, less its mean.
 */
export const quantile: StrategyDefinition<{ momentum: number }> = {
  summary: "bias from quantiles of the scores (quantile balancing)",
  kind: "choice",
  balancedBecause: "quantile balancing solves for equal load, and a loss would bend the scores it solves for",
  defaults: { momentum: 0 },
  create({ momentum }, run) {
    const { topK, experts, groups } = run;
    requireShare("momentum", momentum);
    requireEvenShares("quantile", run);
    if (topK >= experts) throw new RangeError(`model.topK is ${topK}; quantile balancing needs at most ${experts - 1}`);
    if (groups > 1)
      throw new RangeError(`model.groups is ${groups}; quantile balancing is over all experts: set it to 1`);
    const bias = selectionBias(run, (values, { measured }) => moveToQuantile(values, measured!, momentum));
    return {
      ...bias,
      measureSize: experts,
      measure: ({ scores_TE, context, topK }) => {
        return quantileUpdate(scores_TE, tf.tensor1d(bias.selectionBias(context.moeLayer)), topK);
      },
    };
  },
};

/**
 * −β after one step from the bias −β.
 *
 * @returns [E]
 */
export function quantileUpdate(scores_TE: Tensor2D, bias_E: Tensor1D, topK: number): Tensor1D {
  return offTape(() => {
    const [tokens, experts] = scores_TE.shape;
    const lastOf = (values: Tensor2D) => tf.slice(values, [0, values.shape[1] - 1], [-1, 1]);
    const alpha_T1 = lastOf(topValues(tf.add(scores_TE, bias_E) as Tensor2D, topK + 1));
    const margins_ET = tf.transpose(tf.sub(scores_TE, alpha_T1)) as Tensor2D;
    return tf.neg(tf.reshape(lastOf(topValues(margins_ET, (tokens * topK) / experts + 1)), [experts]));
  });
}

function moveToQuantile(bias: Float32Array, next: ArrayLike<number>, momentum: number): void {
  const mixed = bias.map((value, expert) => momentum * value + (1 - momentum) * next[expert]!);
  const mean = mixed.reduce((sum, value) => sum + value, 0) / mixed.length;
  mixed.forEach((value, expert) => {
    bias[expert] = value - mean;
  });
}
