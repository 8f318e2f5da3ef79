// φ-balancing: a convex function of each expert's mean probability, minimised through its running mean.
import { type Scalar, type Tensor1D, tf } from "../runtime/tf.ts";
import { byLayer } from "./selection-bias.ts";
import {
  type LayerRouting,
  requireNotNegative,
  requireOneOf,
  requireShare,
  type StrategyDefinition,
} from "./strategy.ts";

/** ∇φ of the two functions. */
const gradients: Record<string, (mean: number) => number> = {
  entropy: (mean) => 1 + Math.log(Math.max(mean, 1e-12)),
  euclidean: (mean) => mean,
};

/**
 * L = w · ⟨p̄, ∇φ(m)⟩ for each layer, p̄ the mean probability of each expert in the batch, m ← (1 − η) m + η p̄ after every step; φ is
 * Σ m ln m or ½ Σ m² (arXiv 2605.15403). m starts balanced. `rate` is η.
 */
export const phiBalancing: StrategyDefinition<{ phiCoefficient: number; rate: number; phi: string }> = {
  summary: "convex function of mean probabilities, by running means (φ-balancing)",
  kind: "balance-loss",
  scaled: true,
  defaults: { phiCoefficient: 0.01, rate: 0.01, phi: "entropy" },
  create({ phiCoefficient, rate, phi }, { moeLayers, experts }) {
    requireNotNegative("phiCoefficient", phiCoefficient);
    requireShare("rate", rate);
    requireOneOf("phi", phi, Object.keys(gradients));
    const means = Array.from({ length: moeLayers }, () => new Float32Array(experts).fill(1 / experts));
    return {
      layerLoss: (routing) => tf.mul(phiLoss(routing, means[routing.context.moeLayer]!, phi), phiCoefficient),
      afterStep: (observed) => {
        observed.forEach(({ meanProbability }, moeLayer) => {
          moveTowards(means[moeLayer]!, meanProbability, rate);
        });
      },
      state: () => byLayer("mean", means),
    };
  },
};

/** ⟨p̄, ∇φ(m)⟩; the gradient flows through p̄ alone. */
export function phiLoss(
  { probabilities_TE }: Pick<LayerRouting, "probabilities_TE">,
  mean: Float32Array,
  phi: string,
): Scalar {
  const slope_E = tf.tensor1d(mean.map((value) => gradients[phi]!(value)));
  return tf.dot(tf.mean(probabilities_TE, 0) as Tensor1D, slope_E) as Scalar;
}

function moveTowards(mean: Float32Array, to: ArrayLike<number>, rate: number): void {
  mean.forEach((value, expert) => {
    mean[expert] = (1 - rate) * value + rate * to[expert]!;
  });
}
