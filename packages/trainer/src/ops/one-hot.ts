// Indices as rows of zeros with a single one.
import { type Tensor, tf } from "../runtime/tf.ts";

/**
 * float32, one axis more than `index`; a row of zeros where an index is not 0 … depth − 1. Carries no gradient.
 *
 * @param index int32
 */
export function oneHot(index: Tensor, depth: number): Tensor {
  // tf.oneHot refuses a depth of 1.
  if (depth === 1) return tf.expandDims(tf.cast(tf.equal(index, tf.scalar(0, "int32")), "float32"), -1);
  // Asked for float32 at once, the wasm backend fills in the bits of whole ones.
  return tf.cast(tf.oneHot(index, depth), "float32");
}
