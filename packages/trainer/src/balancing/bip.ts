// BIP-based balancing: before a batch is routed, a price on every expert is solved for on that same batch.
//
// T tokens, E experts, K choices of each token, C = K·T/E tokens of each expert.
import { offTape } from "../ops/off-tape.ts";
import { topValues } from "../ops/top-values.ts";
import { type Tensor1D, type Tensor2D, tf } from "../runtime/tf.ts";
import { selectionBias } from "./selection-bias.ts";
import { type RouterScores, requireEvenShares, type StrategyDefinition } from "./strategy.ts";

/**
 * Choice by score − q. q are multipliers of max Σ s x with at most K experts a token and at most C tokens an expert, x 0 or 1. From the
 * last batch's q, `iterations` times: p_t = max(0, the (K+1)-th highest of s_t − q), then q_e = max(0, the (C+1)-th highest of s_e − p)
 * (arXiv 2502.15451, as others describe its algorithm; the paper was not at hand). Because bounds are bounds, prices are never below 0:
 * an expert can be made less wanted but not more. The choice depends on the whole batch, so in evaluation q stays what it was. The bias
 * shown and sent is −q of the batch before.
 */
export const bip: StrategyDefinition<{ iterations: number }> = {
  summary:
    "a price on each expert, solved for on the batch before it is routed (BIP); evaluated causally, by the last price",
  kind: "choice",
  balancedBecause: "BIP solves for equal load, and a loss would bend the scores it solves for",
  defaults: { iterations: 4 },
  create({ iterations }, run) {
    const { topK, experts, groups } = run;
    if (!(Number.isSafeInteger(iterations) && iterations > 0)) {
      throw new RangeError(`balancing.iterations is ${iterations}; allowed are whole numbers from 1`);
    }
    requireEvenShares("bip", run);
    if (topK >= experts) throw new RangeError(`model.topK is ${topK}; BIP needs at most ${experts - 1}`);
    if (groups > 1) throw new RangeError(`model.groups is ${groups}; BIP is over all experts: set it to 1`);
    const bias = selectionBias(run, (values, { measured }) => values.set(measured!));
    return {
      ...bias,
      selectionScores: ({ scores_TE, bias_E, topK, context }: RouterScores) => {
        if (!bias_E) return scores_TE;
        return tf.add(
          scores_TE,
          context.training ? solvePrices(scores_TE, bias_E, topK, iterations) : bias_E,
        ) as Tensor2D;
      },
      measureSize: experts,
      measure: ({ scores_TE, context, topK }) =>
        solvePrices(scores_TE, tf.tensor1d(bias.selectionBias(context.moeLayer)), topK, iterations),
    };
  },
};

/** −q after some iterations from −q. */
export function solvePrices(scores_TE: Tensor2D, bias_E: Tensor1D, topK: number, iterations: number): Tensor1D {
  return offTape(() => {
    const [tokens, experts] = scores_TE.shape;
    const each = (tokens * topK) / experts;
    const notBelow0 = (values: Tensor2D) => tf.relu(tf.slice(values, [0, values.shape[1] - 1], [-1, 1]));
    let prices_E = bias_E;
    for (let i = 0; i < iterations; i++) {
      const p_T1 = notBelow0(topValues(tf.add(scores_TE, prices_E) as Tensor2D, topK + 1));
      const left_ET = tf.transpose(tf.sub(scores_TE, p_T1)) as Tensor2D;
      prices_E = tf.neg(tf.reshape(notBelow0(topValues(left_ET, each + 1)), [experts]));
    }
    return prices_E;
  });
}
