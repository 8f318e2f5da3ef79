// Choices of tokens that have any number of experts, as the router takes them.
//
// T tokens, K' the most experts that a token has.
import { type Tensor2D, tf } from "../runtime/tf.ts";

/** @returns int32 [T, K'] with K' at least 1; −1 where a token has fewer */
export function padChoices(expertsOf: readonly (readonly number[])[]): Tensor2D {
  const most = Math.max(1, ...expertsOf.map(({ length }) => length));
  const choice_TK = new Int32Array(expertsOf.length * most).fill(-1);
  expertsOf.forEach((chosen, token) => {
    choice_TK.set(chosen, token * most);
  });
  return tf.tensor2d(choice_TK, [expertsOf.length, most], "int32");
}
