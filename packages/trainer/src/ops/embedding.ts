// Rows of a table by index.
//
// T tokens, V vocabulary, D width.
import { type Tensor1D, type Tensor2D, tf } from "../runtime/tf.ts";
import { withCustomGradient } from "./custom-gradient.ts";
import { attribute, runNative } from "./native.ts";

/**
 * table[tokens], [T, D].
 *
 * @param tokens_T int32 token ids, 0 … V − 1, not checked
 */
export function embed(table_VD: Tensor2D, tokens_T: Tensor1D): Tensor2D {
  return withCustomGradient([table_VD], (table) => ({
    value: gatherRows(table as Tensor2D, tokens_T),
    saved: [tokens_T],
    gradient: (dOut_TD, [tokens]) => [sumRowsByIndex(dOut_TD, tokens as Tensor1D, table_VD.shape[0])],
  }));
}

/** x[index], off the gradient tape, without the check of every index that tf.gather does in JavaScript. */
export function gatherRows(x: Tensor2D, index: Tensor1D): Tensor2D {
  if (tf.getBackend() !== "tensorflow") return gatherOnHost(x, index);
  return runNative(
    "GatherV2",
    [x, index, tf.scalar(0, "int32")],
    [
      attribute("Tparams", "TF_ATTR_TYPE", "TF_FLOAT"),
      attribute("Tindices", "TF_ATTR_TYPE", "TF_INT32"),
      attribute("Taxis", "TF_ATTR_TYPE", "TF_INT32"),
      attribute("batch_dims", "TF_ATTR_INT", 0),
    ],
  ) as Tensor2D;
}

/** For backends whose tensors are in the host's memory anyway: some ten times as fast as wasm's own gather. */
function gatherOnHost(x: Tensor2D, index: Tensor1D): Tensor2D {
  const [rows, columns] = [index.shape[0], x.shape[1]];
  const [from, at, to] = [x.dataSync<"float32">(), index.dataSync<"int32">(), new Float32Array(rows * columns)];
  for (let row = 0; row < rows; row++) {
    to.set(from.subarray(at[row]! * columns, (at[row]! + 1) * columns), row * columns);
  }
  return tf.tensor2d(to, [rows, columns]);
}

function sumRowsByIndex(rows_TD: Tensor2D, index_T: Tensor1D, count: number): Tensor2D {
  if (tf.getBackend() === "tensorflow") return tf.unsortedSegmentSum(rows_TD, index_T, count);
  // The wasm backend has no UnsortedSegmentSum.
  return tf.matMul(tf.oneHot(index_T, count), rows_TD, true, false);
}
