// How often each whole number occurs in each row.
import { type Tensor2D, tf } from "../runtime/tf.ts";
import { attribute, runNative } from "./native.ts";

/**
 * Carries no gradient.
 *
 * @param values int32 [rows, columns], from 0 to `count` − 1
 * @returns float32 [rows, count]
 */
export function countValues(values: Tensor2D, count: number): Tensor2D {
  const unweighted = tf.tensor2d([], [0, 0]);
  if (tf.getBackend() !== "tensorflow") return tf.denseBincount(values, unweighted, count);
  return runNative(
    "DenseBincount",
    [values, tf.scalar(count, "int32"), unweighted],
    [
      attribute("T", "TF_ATTR_TYPE", "TF_FLOAT"),
      attribute("Tidx", "TF_ATTR_TYPE", "TF_INT32"),
      attribute("binary_output", "TF_ATTR_BOOL", false),
    ],
  ) as Tensor2D;
}
