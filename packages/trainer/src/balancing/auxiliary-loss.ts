// The auxiliary loss of GShard and Switch Transformer over the whole batch.
import { type Scalar, type Tensor1D, type Tensor2D, tf } from "../runtime/tf.ts";
import { type LayerRouting, requireNotNegative, type StrategyDefinition } from "./strategy.ts";

/**
 * α · E · Σ_e f_e P_e for each layer, layers added up (arXiv 2101.03961 eq. 4, normalised by K as in arXiv 2401.06066). f_e is the
 * share of choices that went to expert e, a constant; P_e the mean probability of e, which the gradient flows through. α when balanced.
 */
export const auxiliaryLoss: StrategyDefinition<{ coefficient: number }> = {
  summary: "auxiliary loss over the batch (Switch/GShard)",
  defaults: { coefficient: 0.01 },
  create({ coefficient }) {
    requireNotNegative("coefficient", coefficient);
    return { layerLoss: (routing) => tf.mul(balanceLoss(routing), coefficient) };
  },
};

/** E · Σ_e f_e P_e: 1 when balanced, E/K when K experts take everything with certainty. */
export function balanceLoss({ probabilities_TE, chosen_TE, topK }: LayerRouting): Scalar {
  const [tokens, experts] = probabilities_TE.shape;
  const chosen_E = columnSums(chosen_TE);
  const probability_E = columnSums(probabilities_TE);
  return tf.mul(tf.dot(chosen_E, probability_E), experts / (topK * tokens * tokens)) as Scalar;
}

/** Sums over rows as a product with ones: its gradient is one cheap product too, where tf.sum's is a slow broadcast. */
function columnSums(x_TE: Tensor2D): Tensor1D {
  return tf.reshape(tf.matMul(tf.ones([1, x_TE.shape[0]]), x_TE), [-1]);
}
