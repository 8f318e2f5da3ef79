// The highest values of each row.
import { type Tensor2D, tf } from "../runtime/tf.ts";
import { attribute, runNativeMany } from "./native.ts";

/**
 * The `count` highest values of every row, highest first. Carries no gradient.
 *
 * @param x [rows, columns]
 * @returns [rows, count]
 */
export function topValues(x: Tensor2D, count: number): Tensor2D {
  return topK(x, count).values;
}

/** The same with the column of each, int32; the lowest column wins a tie. */
export function topK(x: Tensor2D, count: number): { values: Tensor2D; indices: Tensor2D } {
  if (tf.getBackend() !== "tensorflow") return tf.topk(x, count) as { values: Tensor2D; indices: Tensor2D };
  const [values, indices] = runNativeMany("TopKV2", [x, tf.scalar(count, "int32")], 2, [
    attribute("sorted", "TF_ATTR_BOOL", true),
    attribute("T", "TF_ATTR_TYPE", "TF_FLOAT"),
  ]) as [Tensor2D, Tensor2D];
  return { values, indices };
}
