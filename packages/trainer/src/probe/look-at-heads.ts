// What one forward pass says about attention heads, measured on the device and read back once.
//
// T tokens = B sequences × S positions, L layers, H heads, C token classes.
import { type RotaryTables, rotaryTables } from "../ops/attention.ts";
import { oneHot } from "../ops/one-hot.ts";
import { type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../runtime/tf.ts";
import { inductionScores, overSequences, sharesByClass, sharesOfUniform, textScores } from "./attention-measures.ts";

/** Repeated sequences that are looked at; each is S/2 queries. */
const REPEATED = 4;

export interface HeadShape {
  heads: number;
  /** W, even. */
  headWidth: number;
  /** S. */
  sequence: number;
}

/** Of one head. */
export interface TextHead {
  /** [C] */
  shares: Float32Array;
  previousToken: number;
  firstToken: number;
  local: number;
  broad: number;
}

/**
 * @param qkvs_T3D of each layer, on text
 * @param classOf class of each position, [T], 0 … C − 1
 * @returns for each layer, its heads
 */
export function lookAtText(
  qkvs_T3D: readonly Tensor2D[],
  classOf: Int32Array,
  classes: number,
  shape: HeadShape,
): TextHead[][] {
  const class_BSC = oneHotClasses(classOf, classes, shape.sequence);
  const scoresOf = textScores(shape.sequence);
  const measure = (attention_BHSS: Tensor4D, first: number) => {
    const some_BSC = tf.slice(class_BSC, [first, 0, 0], [attention_BHSS.shape[0], -1, -1]);
    return tf.concat([sharesByClass(attention_BHSS, some_BSC), scoresOf(attention_BHSS)], 1) as Tensor2D;
  };
  const rotary = rotaryOf(shape);
  const measured_LHM = tf.stack(qkvs_T3D.map((qkv) => overSequences(qkv, rotary, shape.heads, measure)));
  return rowsOf(measured_LHM.dataSync<"float32">(), qkvs_T3D.length, shape.heads).map((layer) =>
    layer.map((row) => {
      const [previousToken, firstToken, local, broad] = row.subarray(classes) as unknown as [
        number,
        number,
        number,
        number,
      ];
      return { shares: row.subarray(0, classes), previousToken, firstToken, local, broad };
    }),
  );
}

/**
 * @param qkvs_T3D of each layer, on the repeated sequences
 * @returns score of each head of each layer
 */
export function lookAtRepeats(qkvs_T3D: readonly Tensor2D[], shape: HeadShape): Float32Array[] {
  const rotary = rotaryOf(shape);
  const measure = inductionScores(shape.sequence);
  const scores_LH = tf.stack(
    qkvs_T3D.map((qkv_T3D) => {
      const rows = Math.min(REPEATED * shape.sequence, qkv_T3D.shape[0]);
      return overSequences(tf.slice(qkv_T3D, [0, 0], [rows, -1]), rotary, shape.heads, measure);
    }),
  );
  return rowsOf(scores_LH.dataSync<"float32">(), 1, qkvs_T3D.length)[0]!;
}

/** What an even spread of attention would give to each class, [C]. */
export function uniformShares(classOf: Int32Array, classes: number, sequence: number): Float32Array {
  return tf.tidy(() =>
    sharesOfUniform(oneHotClasses(classOf, classes, sequence))
      .dataSync<"float32">()
      .slice(),
  );
}

function oneHotClasses(classOf: Int32Array, classes: number, sequence: number): Tensor3D {
  return tf.reshape(oneHot(tf.tensor1d(classOf, "int32"), classes), [-1, sequence, classes]);
}

function rotaryOf({ sequence, headWidth }: HeadShape): RotaryTables {
  return rotaryTables(sequence, headWidth);
}

/** [layers, rows, …] as arrays of arrays, copied: what wasm reads back is its own memory, which lives as long as the tensor. */
function rowsOf(values: Float32Array, layers: number, rows: number): Float32Array[][] {
  const size = values.length / (layers * rows);
  const row = (index: number) => values.slice(index * size, (index + 1) * size);
  return Array.from({ length: layers }, (_, layer) => Array.from({ length: rows }, (_, i) => row(layer * rows + i)));
}
