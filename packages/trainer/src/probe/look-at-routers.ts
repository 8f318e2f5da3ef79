// What routers chose in one forward pass, read back once.
//
// T tokens, E experts, K choices of each token.
import type { Routing } from "../moe/router.ts";
import { topK } from "../ops/top-values.ts";
import { type Tensor2D, tf } from "../runtime/tf.ts";

/** Of one MoE layer: int32 [T, K] row-major, −1 for none. */
export interface RouterChoices {
  chosen: Int32Array;
  /** What scores alone would have chosen; absent where nothing else had a say. */
  preferred?: Int32Array;
}

export function lookAtRouters(routings: readonly Routing[], choices: number): RouterChoices[] {
  const wanted = routings.flatMap(({ chosen_TE, preferred_TE }) => [chosen_TE, preferred_TE()]);
  const different = [...new Set(wanted)];
  const read = tf.stack(different.map((hot_TE) => choiceIndices(hot_TE, choices))).dataSync<"int32">();
  const size = read.length / different.length;
  const of = (hot_TE: Tensor2D) => {
    const index = different.indexOf(hot_TE);
    return read.slice(index * size, (index + 1) * size);
  };
  return routings.map(({ chosen_TE, preferred_TE }) => {
    const preferred_or_chosen_TE = preferred_TE();
    const preferred = preferred_or_chosen_TE === chosen_TE ? {} : { preferred: of(preferred_or_chosen_TE) };
    return { chosen: of(chosen_TE), ...preferred };
  });
}

/** @returns int32 [T, K], ascending; −1 where a token has fewer than K ones */
function choiceIndices(hot_TE: Tensor2D, choices: number): Tensor2D {
  const { values, indices } = topK(hot_TE, choices);
  return tf.where(tf.greater(values, 0.5), indices, tf.neg(tf.onesLike(indices))) as Tensor2D;
}
