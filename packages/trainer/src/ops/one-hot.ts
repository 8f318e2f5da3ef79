// Indices as rows of zeros with a single one.
import { type Tensor, tf } from "../runtime/tf.ts";

/**
 * float32, one axis more than `index`; a row of zeros where an index is not 0 … depth − 1. Carries no gradient.
 *
 * @param index int32
 */
export function oneHot(index: Tensor, depth: number): Tensor {
  // Asked for float32 at once, the wasm backend fills in the bits of whole ones.
  return tf.cast(tf.oneHot(index, depth), "float32");
}
