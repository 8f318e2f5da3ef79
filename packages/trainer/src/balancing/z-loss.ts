// Router z-loss: keeps router logits small. Combines with every strategy that has a router.
import { type Scalar, type Tensor2D, tf } from "../runtime/tf.ts";
import { requireNotNegative, type StrategyDefinition } from "./strategy.ts";

/** c · mean_t (ln Σ_e exp x_te)² for each layer, on logits before any noise or bias (arXiv 2202.08906 eq. 5), layers added up. */
export const zLoss: StrategyDefinition<{ zCoefficient: number }> = {
  summary: "router z-loss (ST-MoE); combines with any",
  kind: "regulariser",
  scaled: true,
  defaults: { zCoefficient: 0.001 },
  create({ zCoefficient }) {
    requireNotNegative("zCoefficient", zCoefficient);
    return { layerLoss: ({ cleanLogits_TE }) => tf.mul(routerZLoss(cleanLogits_TE), zCoefficient) };
  },
};

export function routerZLoss(logits_TE: Tensor2D): Scalar {
  return tf.mean(tf.square(tf.logSumExp(logits_TE, 1))) as Scalar;
}
