// SimBal: the router kept orthogonal, so that tokens which resemble each other keep resembling each other to it; sees no data.
//
// D width, E experts.
import { type Scalar, type Tensor2D, tf } from "../runtime/tf.ts";
import { requireNotNegative, type StrategyDefinition } from "./strategy.ts";

/**
 * SimBal: w · Σ |RᵀR − I| for each layer, the router started with orthogonal columns (arXiv 2506.14038). Sees no data. Its weight in the
 * paper could not be verified; 0.01 is ours.
 */
export const simbal: StrategyDefinition<{ orthogonality: number }> = {
  summary: "router columns kept orthogonal (SimBal)",
  kind: "regulariser",
  scaled: true,
  defaults: { orthogonality: 0.01 },
  router: { orthogonal: true },
  create({ orthogonality }, { width, experts }) {
    requireNotNegative("orthogonality", orthogonality);
    if (experts > width) {
      throw new RangeError(`model.experts is ${experts}; at most model.width = ${width} columns can be orthogonal`);
    }
    return { layerLoss: ({ router_DE }) => tf.mul(distanceFromOrthogonal(router_DE!), orthogonality) };
  },
};

/** Σ |RᵀR − I| over all E × E entries. */
export function distanceFromOrthogonal(router_DE: Tensor2D): Scalar {
  const gram_EE = tf.matMul(router_DE, router_DE, true, false);
  return tf.sum(tf.abs(tf.sub(gram_EE, tf.eye(router_DE.shape[1])))) as Scalar;
}
