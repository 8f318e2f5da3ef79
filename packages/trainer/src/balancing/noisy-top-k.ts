// Noisy top-k gating with importance and load losses (Shazeer et al. 2017).
//
// T tokens, E experts, K choices of each token.
import { normalValues } from "../data/normal.ts";
import { Random } from "../data/random.ts";
import { offTape } from "../ops/off-tape.ts";
import { oneHot } from "../ops/one-hot.ts";
import { topK as highest } from "../ops/top-values.ts";
import { type Scalar, type Tensor2D, tf } from "../runtime/tf.ts";
import { type LayerRouting, type RouterContext, requireNotNegative, type StrategyDefinition } from "./strategy.ts";

/** Key of the random stream of the noise. */
const STREAM = 11;
/** What tensor2tensor adds to the standard deviation of the noise, and to a squared mean. */
const LEAST_NOISE = 0.01;
const EPSILON = 1e-10;

/**
 * H(x) = x W_g + ε · softplus(x W_noise) in training, gates the softmax over its K highest (arXiv 1701.06538 eq. 3-5); losses
 * w · CV²(Importance) and w · CV²(Load) for each layer (eq. 6-11, appendix A), as tensor2tensor's expert_utils has them.
 */
export const noisyTopK: StrategyDefinition<{ importance: number; load: number }> = {
  summary: "noisy top-k with importance and load losses (Shazeer 2017)",
  kind: "choice",
  scaled: true,
  defaults: { importance: 0.1, load: 0.1 },
  model: { gate: "softmax", normaliseGates: true },
  // Both matrices start at zero, so that at first noise alone chooses (appendix A).
  router: { noise: true, zeros: true },
  create({ importance, load }, { seed, experts, topK }) {
    requireNotNegative("importance", importance);
    requireNotNegative("load", load);
    if (topK >= experts) {
      throw new RangeError(
        `model.topK is ${topK}; noisy-top-k needs an expert that is not chosen, so at most ${experts - 1}`,
      );
    }
    return {
      addNoise: (logits_TE, noise_TE, context) =>
        addNoise(logits_TE, noise_TE, standardNormal(logits_TE, seed, context)),
      layerLoss: (routing) => {
        const importanceLoss = tf.mul(variationSquared(routing.gates_TE), importance) as Scalar;
        if (!routing.noiseScale_TE) return importanceLoss;
        return tf.add(importanceLoss, tf.mul(variationSquared(chanceOfChoice(routing)), load));
      },
    };
  },
};

/** The same noise whenever the same step is made, on every backend. */
function standardNormal({ shape }: Tensor2D, seed: number, { step, moeLayer }: RouterContext): Tensor2D {
  return tf.tensor2d(normalValues(shape[0] * shape[1], 1, new Random(STREAM, seed, step, moeLayer)), shape);
}

/** @param normal_TE ε, standard normal */
export function addNoise(logits_TE: Tensor2D, noise_TE: Tensor2D, normal_TE: Tensor2D) {
  const scale_TE = tf.add(tf.softplus(noise_TE), LEAST_NOISE) as Tensor2D;
  return { logits_TE: tf.add(logits_TE, tf.mul(normal_TE, scale_TE)) as Tensor2D, scale_TE };
}

/** CV² of the column sums: population variance over squared mean. */
export function variationSquared(x_TE: Tensor2D): Scalar {
  const sum_E = tf.sum(x_TE, 0);
  const { mean, variance } = tf.moments(sum_E);
  return tf.div(variance, tf.add(tf.square(mean), EPSILON)) as Scalar;
}

/**
 * P(x, e), the chance that e is among the K chosen if its noise were drawn anew: Φ((x W_g − threshold) / σ), where the threshold is
 * the K-th highest noisy logit of the others. A threshold is some expert's logit, so gradients flow through it too.
 */
export function chanceOfChoice({
  cleanLogits_TE,
  logits_TE,
  noiseScale_TE,
  topK,
}: Pick<LayerRouting, "cleanLogits_TE" | "logits_TE" | "noiseScale_TE" | "topK">): Tensor2D {
  const [tokens, experts] = logits_TE.shape;
  const ranked = offTape(() => highest(logits_TE, topK + 1).indices);
  const atRank = (rank: number) => {
    const there_TE = offTape(() => oneHot(tf.reshape(tf.slice(ranked, [0, rank], [tokens, 1]), [tokens]), experts));
    return tf.sum(tf.mul(logits_TE, there_TE), 1, true);
  };
  const [ifIn_T1, ifOut_T1] = [atRank(topK), atRank(topK - 1)];
  const isIn_TE = offTape(() => tf.greater(logits_TE, ifIn_T1));
  const ahead_TE = tf.where(isIn_TE, tf.sub(cleanLogits_TE, ifIn_T1), tf.sub(cleanLogits_TE, ifOut_T1));
  return normalDistribution(tf.div(ahead_TE, noiseScale_TE!) as Tensor2D);
}

/** Φ, the distribution function of the standard normal. */
function normalDistribution(z: Tensor2D): Tensor2D {
  return tf.mul(tf.add(tf.erf(tf.div(z, Math.SQRT2)), 1), 0.5) as Tensor2D;
}
