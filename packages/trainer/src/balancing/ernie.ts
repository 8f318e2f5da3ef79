// ERNIE 4.5: router columns pushed to right angles of each other, whatever their lengths.
//
// D width, E experts.
import { type Scalar, type Tensor2D, tf } from "../runtime/tf.ts";
import { requireNotNegative, type StrategyDefinition } from "./strategy.ts";

/** ERNIE 4.5: w · mean (ŴᵀŴ − I)² over router columns of length 1, for each layer (PaddleFormers' gate; its default weight). */
export const ernie: StrategyDefinition<{ ernieCoefficient: number }> = {
  summary: "router columns pushed to right angles (ERNIE 4.5)",
  kind: "regulariser",
  scaled: true,
  defaults: { ernieCoefficient: 0.01 },
  create({ ernieCoefficient }) {
    requireNotNegative("ernieCoefficient", ernieCoefficient);
    return { layerLoss: ({ router_DE }) => tf.mul(meanSquaredCosine(router_DE!), ernieCoefficient) };
  },
};

/** Mean over all E × E entries of (ŴᵀŴ − I)², where the columns of Ŵ have length 1. */
export function meanSquaredCosine(router_DE: Tensor2D): Scalar {
  // The square root has no gradient at 0, where a router may start.
  const length_1E = tf.sqrt(tf.maximum(tf.sum(tf.square(router_DE), 0, true), 1e-24));
  const unit_DE = tf.div(router_DE, tf.add(length_1E, 1e-12)) as Tensor2D;
  const gram_EE = tf.matMul(unit_DE, unit_DE, true, false);
  return tf.mean(tf.square(tf.sub(gram_EE, tf.eye(router_DE.shape[1])))) as Scalar;
}
