// Quantile balancing as Kimi K3 has it: the quantile of each expert comes from a histogram, which adds up over ranks and micro-batches.
//
// T tokens, E experts, K choices of each token, N bins.
import { countValues } from "../ops/count-values.ts";
import { offTape } from "../ops/off-tape.ts";
import { topValues } from "../ops/top-values.ts";
import { type Tensor1D, type Tensor2D, tf } from "../runtime/tf.ts";
import { selectionBias } from "./selection-bias.ts";
import type { StrategyDefinition } from "./strategy.ts";

/**
 * Choice by s + b. r_te = α_t − s_te is the bias that would put expert e at the border of token t's choice, where α_t is the (K+1)-th
 * highest of s_t + b. After a batch b_e becomes the K/E quantile of r_e, less the mean over experts. `bins` equal bins over
 * [min b − 1, max b + 1] hold r, because scores lie from 0 to 1 (Kimi K3 technical report, eq. 13-14 and appendix D; torchtitan's
 * `QuantileBalancer`). The error is a bin at most.
 */
export const quantileHistogram: StrategyDefinition<{ bins: number }> = {
  summary: "bias from quantiles of the scores, by histogram (Kimi K3)",
  kind: "choice",
  balancedBecause: "quantile balancing solves for equal load, and a loss would bend the scores it solves for",
  defaults: { bins: 1000 },
  create({ bins }, run) {
    const { topK, experts, groups, gate } = run;
    if (!(Number.isSafeInteger(bins) && bins >= 2)) {
      throw new RangeError(`balancing.bins is ${bins}; allowed are whole numbers from 2`);
    }
    if (topK >= experts) throw new RangeError(`model.topK is ${topK}; quantile balancing needs at most ${experts - 1}`);
    if (groups > 1)
      throw new RangeError(`model.groups is ${groups}; quantile balancing is over all experts: set it to 1`);
    if (gate === "sqrt-softplus") {
      throw new RangeError(
        `model.gate is ${gate}; the histogram needs scores from 0 to 1: set it to sigmoid or softmax`,
      );
    }
    const bias = selectionBias(run, (values, { measured }) => values.set(biasOf(measured!, values, topK)));
    return {
      ...bias,
      measureSize: experts * bins,
      measure: ({ scores_TE, context, topK }) =>
        requiredBiases(scores_TE, bias.selectionBias(context.moeLayer), topK, bins),
    };
  },
};

/** First bin's lower end, and the width of a bin. */
function binsOver(bias: ArrayLike<number>, bins: number): { low: number; width: number } {
  const values = Array.from(bias);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return { low: least - 1, width: (most - least + 2) / bins };
}

/**
 * How many tokens would need a bias in each bin to have an expert at the border of their choice.
 *
 * @returns [E · N], experts one after another
 */
export function requiredBiases(scores_TE: Tensor2D, bias: Float32Array, topK: number, bins: number): Tensor1D {
  return offTape(() => {
    const { low, width } = binsOver(bias, bins);
    const highest = topValues(tf.add(scores_TE, tf.tensor1d(bias)) as Tensor2D, topK + 1);
    const border_T1 = tf.slice(highest, [0, topK], [-1, 1]);
    const bin_TE = tf.floor(tf.div(tf.sub(tf.sub(border_T1, scores_TE), low), width));
    const bin_ET = tf.cast(tf.transpose(tf.clipByValue(bin_TE, 0, bins - 1)), "int32") as Tensor2D;
    return tf.reshape(countValues(bin_ET, bins), [-1]) as Tensor1D;
  });
}

/** The K/E quantile of each expert's histogram, interpolated inside its bin, less the mean of them all. */
export function biasOf(histogram: ArrayLike<number>, bias: ArrayLike<number>, topK: number): Float64Array {
  const experts = bias.length;
  const bins = histogram.length / experts;
  const { width } = binsOver(bias, bins);
  const places = Float64Array.from({ length: experts }, (_, expert) =>
    quantilePlace(
      Array.from({ length: bins }, (_, bin) => histogram[expert * bins + bin]!),
      topK / experts,
    ),
  );
  const mean = places.reduce((sum, place) => sum + place, 0) / experts;
  return places.map((place) => (place - mean) * width);
}

/** Where in a histogram the share `below` of its counts lies before, in bins. */
function quantilePlace(counts: readonly number[], below: number): number {
  const target = below * counts.reduce((sum, count) => sum + count, 0);
  let before = 0;
  for (const [bin, count] of counts.entries()) {
    if (before + count >= target) return bin + (target - before) / count;
    before += count;
  }
  return counts.length;
}
