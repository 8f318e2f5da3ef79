// E · Σ_e f_e P_e, the product of load and probability that most balance losses are made of.
//
// T tokens, E experts, N groups of tokens.
import { matrixProduct } from "../ops/matrix-product.ts";
import { oneHot } from "../ops/one-hot.ts";
import { type Scalar, type Tensor2D, tf } from "../runtime/tf.ts";

/**
 * Mean over `groups` equal stretches of the batch of E · Σ_e f_e P_e, where f_e is the share of the stretch's choices that went to e
 * and P_e its mean probability: 1 when balanced, E/K when K experts take everything with certainty. The gradient flows through P alone.
 *
 * @param chosen_TE 0/1, a constant; every token chose `topK` experts
 * @param probabilities_TE rows add up to 1
 */
export function loadProduct(chosen_TE: Tensor2D, probabilities_TE: Tensor2D, topK: number, groups = 1): Scalar {
  const [tokens, experts] = probabilities_TE.shape;
  const size = tokens / groups;
  const chosen_NE = groupSums(chosen_TE, groups);
  const probability_NE = groupSums(probabilities_TE, groups);
  return tf.mul(tf.sum(tf.mul(chosen_NE, probability_NE)), experts / (topK * size * size * groups)) as Scalar;
}

/** Sums over the rows of each group as a product with ones: its gradient is one product too, where tf.sum's is a slow broadcast. */
function groupSums(x_TE: Tensor2D, groups: number): Tensor2D {
  const [tokens] = x_TE.shape;
  if (groups === 1) return matrixProduct(tf.ones([1, tokens]) as Tensor2D, x_TE);
  const groupOf_T = tf.floorDiv(tf.range(0, tokens, 1, "int32"), tf.scalar(tokens / groups, "int32"));
  return tf.matMul(oneHot(groupOf_T, groups) as Tensor2D, x_TE, true, false);
}
