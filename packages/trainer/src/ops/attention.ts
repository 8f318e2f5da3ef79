// Causal self-attention with rotary positions, fused on native TensorFlow.
//
// T tokens = B sequences × S positions, H heads of width W, D = H · W.
import { type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../runtime/tf.ts";
import { withCustomGradient } from "./custom-gradient.ts";
import { batchProduct } from "./matrix-product.ts";
import { attribute, hasNativeOps, runNative, runNativeMany } from "./native.ts";

/** Cosines and sines of the angle of every position and pair of columns, each [S, W/2]. */
export interface RotaryTables {
  cosine: Tensor2D;
  sine: Tensor2D;
}

/**
 * Rotary position embedding, θ_j = base^(−2j/W), base 10,000 (arXiv 2104.09864); columns j and j + W/2 turn together.
 *
 * @param headWidth W, even
 */
export function rotaryTables(positions: number, headWidth: number): RotaryTables {
  const half = headWidth / 2;
  const angles = Float64Array.from({ length: positions * half }, (_, i) => {
    return Math.floor(i / half) * 10_000 ** (-(i % half) / half);
  });
  const table = (f: (angle: number) => number) => tf.tensor2d(Float32Array.from(angles, f), [positions, half]);
  return { cosine: table(Math.cos), sine: table(Math.sin) };
}

/**
 * softmax(q kᵀ / √W, future masked) v for each head of each sequence.
 *
 * @param qkv_T3D queries of all heads, then keys, then values; rows are the positions of sequence 0, then of sequence 1, …
 * @returns the heads side by side, [T, D]
 */
export function causalAttention(qkv_T3D: Tensor2D, rotary: RotaryTables, heads: number): Tensor2D {
  return (hasNativeOps() ? attentionFused : attentionComposed)(qkv_T3D, rotary, heads);
}

/** The plain tfjs composition, for every other backend and for tests. */
export function attentionComposed(qkv_T3D: Tensor2D, rotary: RotaryTables, heads: number): Tensor2D {
  const [q_NSW, k_NSW, v_NSW] = splitHeads(qkv_T3D, rotary, heads);
  const [, positions, width] = q_NSW.shape;
  const out_NSW = batchProduct(probabilitiesOf(q_NSW, k_NSW), v_NSW);
  const out_BSHW = tf.transpose(tf.reshape(out_NSW, [-1, heads, positions, width]), [0, 2, 1, 3]);
  return tf.reshape(out_BSHW, [-1, heads * width]);
}

/**
 * What `causalAttention` weighs values by: softmax(q kᵀ / √W, future masked). The fused operation never holds it, so it is worked out
 * again; it takes B · H · S² numbers.
 *
 * @returns [B, H, S, S]: row i holds what position i gives to each position, and adds up to 1
 */
export function attentionProbabilities(qkv_T3D: Tensor2D, rotary: RotaryTables, heads: number): Tensor4D {
  const [q_NSW, k_NSW] = splitHeads(qkv_T3D, rotary, heads);
  const [, positions] = q_NSW.shape;
  return tf.reshape(probabilitiesOf(q_NSW, k_NSW), [-1, heads, positions, positions]);
}

/** Queries, keys and values of each of the N = B · H heads. */
function splitHeads(qkv_T3D: Tensor2D, rotary: RotaryTables, heads: number): [Tensor3D, Tensor3D, Tensor3D] {
  const [positions, half] = rotary.cosine.shape;
  const parts = tf.split(qkv_T3D, 3, 1).map((part) => {
    const part_BHSW = tf.transpose(tf.reshape(part, [-1, positions, heads, 2 * half]), [0, 2, 1, 3]);
    return tf.reshape(part_BHSW, [-1, positions, 2 * half]) as Tensor3D;
  }) as [Tensor3D, Tensor3D, Tensor3D];
  return [rotate(parts[0], rotary), rotate(parts[1], rotary), parts[2]];
}

function rotate(x_NSW: Tensor3D, { cosine, sine }: RotaryTables): Tensor3D {
  const [a, b] = tf.split(x_NSW, 2, 2) as [Tensor3D, Tensor3D];
  return tf.concat([tf.sub(tf.mul(a, cosine), tf.mul(b, sine)), tf.add(tf.mul(b, cosine), tf.mul(a, sine))], 2);
}

function probabilitiesOf(q_NSW: Tensor3D, k_NSW: Tensor3D): Tensor3D {
  const [, positions, width] = q_NSW.shape;
  const scores_NSS = tf.mul(batchProduct(q_NSW, tf.transpose(k_NSW, [0, 2, 1])), 1 / Math.sqrt(width));
  const past_SS = tf.linalg.bandPart(tf.ones([positions, positions]), -1, 0);
  return tf.softmax(tf.add(scores_NSS, tf.mul(tf.sub(1, past_SS), -1e9))) as Tensor3D;
}

export function attentionFused(qkv_T3D: Tensor2D, { cosine, sine }: RotaryTables, heads: number): Tensor2D {
  const attributes = [attribute("heads", "TF_ATTR_INT", heads)];
  return withCustomGradient([qkv_T3D], (qkv) => {
    const [out_TD, logSumExp] = runNativeMany("MoescopeAttention", [qkv, cosine, sine], 2, attributes);
    return {
      value: out_TD as Tensor2D,
      saved: [qkv, cosine, sine, out_TD!, logSumExp!],
      gradient: (dout_TD, saved) => [runNative("MoescopeAttentionGrad", [dout_TD, ...saved], attributes)],
    };
  });
}
