// Where attention heads look: the share that goes to each class of tokens, and the scores that `headCategory` tells heads apart by.
//
// B sequences × S positions (queries, then keys), T = B · S, H heads, D = H · W, C token classes.
import { LOCAL_WINDOW } from "@moescope/metrics";
import { attentionProbabilities, type RotaryTables } from "../ops/attention.ts";
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../runtime/tf.ts";
import { repeatPeriod } from "./probe-batch.ts";

/** Most attention probabilities worked on at a time: 64 MiB. */
const AT_A_TIME = 2 ** 24;

/**
 * The mean over all sequences of what `measure` finds in some of them, so that never all of the attention is in memory.
 *
 * @param measure its result for a number of sequences, from `first` on: a mean over them
 */
export function overSequences<Result extends Tensor>(
  qkv_T3D: Tensor2D,
  rotary: RotaryTables,
  heads: number,
  measure: (attention_BHSS: Tensor4D, first: number) => Result,
): Result {
  const positions = rotary.cosine.shape[0];
  const sequences = qkv_T3D.shape[0] / positions;
  const step = Math.max(1, Math.floor(AT_A_TIME / (heads * positions ** 2)));
  return tf.tidy(() => {
    const parts: Tensor[] = [];
    for (let first = 0; first < sequences; first += step) {
      const count = Math.min(step, sequences - first);
      const measured = tf.tidy(() => {
        const some_T3D = tf.slice(qkv_T3D, [first * positions, 0], [count * positions, -1]);
        return tf.mul(measure(attentionProbabilities(some_T3D, rotary, heads), first), count / sequences);
      });
      parts.push(measured);
    }
    return tf.addN(parts) as Result;
  });
}

/**
 * Share of attention that goes to keys of each class, mean over all queries. A query's own position and the first position are keys like
 * any other, so that the shares of a head add up to 1.
 *
 * @param class_BSC one-hot class of each position
 * @returns [H, C]
 */
export function sharesByClass(attention_BHSS: Tensor4D, class_BSC: Tensor3D): Tensor2D {
  const received_BHS = tf.mean(attention_BHSS, 2) as Tensor3D;
  return tf.mean(tf.matMul(received_BHS, class_BSC), 0);
}

/** The same of a head that gives every position up to its own an equal share: what the text alone amounts to, [C]. */
export function sharesOfUniform(class_BSC: Tensor3D): Tensor1D {
  const positions = class_BSC.shape[1];
  const past_SS = Float32Array.from({ length: positions ** 2 }, (_, at) => {
    const query = Math.floor(at / positions);
    return at % positions <= query ? 1 / (query + 1) : 0;
  });
  const received_S = tf.mean(tf.tensor2d(past_SS, [positions, positions]), 0) as Tensor1D;
  return tf.sum(tf.mul(tf.mean(class_BSC, 0), tf.expandDims(received_S, 1)), 0) as Tensor1D;
}

/**
 * Measures the scores of each head on text, [H, 4]: previous token, first token, local, broad, as `HeadScores` defines them.
 *
 * @param positions S, at least 2
 */
export function textScores(positions: number): (attention_BHSS: Tensor4D) => Tensor2D {
  const weights_S2P = patternWeights(positions, [
    (query, key) => key === query - 1,
    (_, key) => key === 0,
    (query, key) => key <= query && query - key < LOCAL_WINDOW,
  ]);
  const weights_S = evennessWeights(positions);
  return (attention_BHSS) => {
    const broad_H1 = tf.expandDims(evenness(attention_BHSS, weights_S), 1) as Tensor2D;
    return tf.concat([patternMass(attention_BHSS, weights_S2P), broad_H1], 1);
  };
}

/**
 * Measures the score of each head on `repeatedBatch`, [H]: attention to the token after the earlier occurrence of the query's own.
 *
 * @param positions S, at least 2
 */
export function inductionScores(positions: number): (attention_BHSS: Tensor4D) => Tensor1D {
  const period = repeatPeriod(positions);
  const weights_S2P = patternWeights(positions, [(query, key) => key === query - period + 1]);
  return (attention_BHSS) => tf.squeeze(patternMass(attention_BHSS, weights_S2P), [1]) as Tensor1D;
}

/** [H, P]: for each of P patterns, the mean over queries and sequences of the attention to the keys in it. */
function patternMass(attention_BHSS: Tensor4D, weights_S2P: Tensor2D): Tensor2D {
  const [sequences, heads, positions] = attention_BHSS.shape;
  const byPlace = tf.reshape(attention_BHSS, [sequences * heads, positions ** 2]) as Tensor2D;
  return tf.mean(tf.reshape(tf.matMul(byPlace, weights_S2P), [sequences, heads, -1]), 0);
}

/** Queries of the second half count: each has many keys to choose from, so that an even spread scores little in every pattern. */
function patternWeights(positions: number, patterns: ((query: number, key: number) => boolean)[]): Tensor2D {
  const first = repeatPeriod(positions);
  const weights = new Float32Array(positions * positions * patterns.length);
  for (let query = first; query < positions; query++) {
    for (let key = 0; key < positions; key++) {
      const at = (query * positions + key) * patterns.length;
      for (const [index, isIn] of patterns.entries())
        weights[at + index] = Number(isIn(query, key)) / (positions - first);
    }
  }
  return tf.tensor2d(weights, [positions ** 2, patterns.length]);
}

/** Entropy of each query's attention divided by the highest it can have, mean over queries and sequences, [H]. */
function evenness(attention_BHSS: Tensor4D, weights_S: Tensor1D): Tensor1D {
  const logs_BHSS = tf.log(tf.add(attention_BHSS, 1e-30));
  const sums_BHS = tf.sum(tf.mul(attention_BHSS, logs_BHSS), 3);
  return tf.mean(tf.sum(tf.mul(sums_BHS, weights_S), 2), 0) as Tensor1D;
}

function evennessWeights(positions: number): Tensor1D {
  const first = repeatPeriod(positions);
  return tf.tensor1d(
    Float32Array.from({ length: positions }, (_, query) => {
      return query < first ? 0 : -1 / Math.log(query + 1) / (positions - first);
    }),
  );
}
