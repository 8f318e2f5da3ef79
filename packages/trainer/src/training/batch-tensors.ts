// A batch as the tensors that a step works on.
//
// T tokens = B sequences × S positions, C categories, P values of an image patch.
import type { Batch } from "../data/corpus.ts";
import type { ModelInput } from "../model/transformer.ts";
import { type Tensor1D, type Tensor2D, tf } from "../runtime/tf.ts";

export interface BatchTensors extends ModelInput {
  /** int32: what is to be predicted at each position. */
  targets_T: Tensor1D;
  /** One-hot category of each input token, and of each token that is predicted: a zero row where nothing is. */
  inputCategory_TC: Tensor2D;
  targetCategory_TC: Tensor2D;
  /** Input tokens, and predicted tokens, of each category. */
  inputs: Float64Array;
  predicted: Float64Array;
}

export interface BatchSize {
  batch: number;
  sequence: number;
  categories: number;
}

export function batchTensors(batch: Batch, { batch: rows, sequence, categories }: BatchSize): BatchTensors {
  const tokens = rows * sequence;
  const width = sequence + 1;
  const input = { hot: new Float32Array(tokens * categories), count: new Float64Array(categories) };
  const target = { hot: new Float32Array(tokens * categories), count: new Float64Array(categories) };
  const add = (to: typeof input, token: number, at: number) => {
    const category = batch.categories[at]!;
    to.hot[token * categories + category] = 1;
    to.count[category]! += 1;
  };
  for (let token = 0; token < tokens; token++) {
    const at = Math.floor(token / sequence) * width + (token % sequence);
    add(input, token, at);
    if (!batch.isPatch?.[at + 1]) add(target, token, at + 1);
  }
  const all = tf.tensor2d(batch.tokens, [rows, width], "int32");
  return {
    tokens_T: tf.reshape(tf.slice(all, [0, 0], [rows, sequence]), [-1]) as Tensor1D,
    targets_T: tf.reshape(tf.slice(all, [0, 1], [rows, sequence]), [-1]) as Tensor1D,
    patches_TP: batch.patches && inputPatches(batch.patches, rows, sequence),
    inputCategory_TC: tf.tensor2d(input.hot, [tokens, categories]),
    targetCategory_TC: tf.tensor2d(target.hot, [tokens, categories]),
    inputs: input.count,
    predicted: target.count,
  };
}

function inputPatches(patches: Float32Array, rows: number, sequence: number): Tensor2D {
  const size = patches.length / (rows * (sequence + 1));
  const all = tf.tensor3d(patches, [rows, sequence + 1, size]);
  return tf.reshape(tf.slice(all, [0, 0, 0], [rows, sequence, size]), [rows * sequence, size]);
}
