// What routers chose in one forward pass, read back once.
//
// T tokens, E experts, K choices of each token.
import type { Routing } from "../moe/router.ts";
import { topK } from "../ops/top-values.ts";
import { type Tensor2D, tf } from "../runtime/tf.ts";

/** Of one MoE layer: int32 [T, K] row-major, −1 for none. */
export interface RouterChoices {
  chosen: Int32Array;
  /** What would have been chosen without the selection bias; absent where there is none. */
  unbiased?: Int32Array;
}

export function lookAtRouters(routings: readonly Routing[], choices: number): RouterChoices[] {
  const hot = routings.map(({ chosen_TE, unbiased_TE }) => [chosen_TE, ...(unbiased_TE ? [unbiased_TE()] : [])]);
  const read = tf.stack(hot.flat().map((hot_TE) => choiceIndices(hot_TE, choices))).dataSync<"int32">();
  const size = read.length / hot.flat().length;
  const parts = Array.from({ length: read.length / size }, (_, at) => read.slice(at * size, (at + 1) * size)).values();
  const next = () => parts.next().value!;
  return hot.map(({ length }) => ({ chosen: next(), ...(length > 1 && { unbiased: next() }) }));
}

/** @returns int32 [T, K], ascending; −1 where a token has fewer than K ones */
function choiceIndices(hot_TE: Tensor2D, choices: number): Tensor2D {
  const { values, indices } = topK(hot_TE, choices);
  return tf.where(tf.greater(values, 0.5), indices, tf.neg(tf.onesLike(indices))) as Tensor2D;
}
