import { headCategory } from "@moescope/metrics";
import { describe, expect, test } from "vitest";
import {
  attentionComposed,
  attentionFused,
  attentionProbabilities,
  type RotaryTables,
  rotaryTables,
} from "../ops/attention.ts";
import { hasNativeOps } from "../ops/native.ts";
import { openBackend } from "../runtime/backends.ts";
import { type Tensor2D, type Tensor3D, type Tensor4D, tf } from "../runtime/tf.ts";
import { inductionScores, overSequences, sharesByClass, sharesOfUniform, textScores } from "./attention-measures.ts";
import { repeatedBatch } from "./probe-batch.ts";

await openBackend();

/** Positions, and width of a head: one column for each position or token, so that queries and keys can be written down. */
const S = 64;

describe("attention probabilities", () => {
  const [sequences, positions, heads, width] = [3, 80, 2, 8];
  const qkv = () => tf.randomNormal([sequences * positions, 3 * heads * width], 0, 1, "float32", 1) as Tensor2D;
  const rotary = () => rotaryTables(positions, width);

  test("add up to 1 over the past alone", () => {
    const attention = attentionProbabilities(qkv(), rotary(), heads);
    expect(attention.shape).toEqual([sequences, heads, positions, positions]);
    const sums = tf.sum(attention, 3).dataSync();
    for (const sum of sums) expect(sum).toBeCloseTo(1, 5);
    const future = tf.sub(attention, tf.linalg.bandPart(attention, -1, 0));
    expect(tf.sum(tf.abs(future)).dataSync()[0]).toBe(0);
  });

  const ways = { composed: attentionComposed, ...(hasNativeOps() && { fused: attentionFused }) };
  test.each(Object.entries(ways))("times the values are what the %s attention gives", (_, attend) => {
    const values = tf.slice(qkv(), [0, 2 * heads * width], [-1, -1]);
    const values_BHSW = tf.transpose(tf.reshape(values, [sequences, positions, heads, width]), [0, 2, 1, 3]);
    const weighed = tf.matMul(attentionProbabilities(qkv(), rotary(), heads), values_BHSW);
    const side = tf.reshape(tf.transpose(weighed, [0, 2, 1, 3]), [-1, heads * width]);
    const error = tf.max(tf.abs(tf.sub(side, attend(qkv(), rotary(), heads))));
    expect(error.dataSync()[0]).toBeLessThan(1e-5);
  });
});

/** Writes one query and one key for every position; their product, not divided, is what attention prefers. */
interface Head {
  query: (position: number, tokens: ArrayLike<number>) => number[];
  key: (position: number, tokens: ArrayLike<number>) => number[];
}

const STRONG = 400;
const at = (...columns: number[]) => columns.filter((column) => column >= 0);

/** Each by the columns that are set: queries and keys meet where they share one. */
const constructed: Record<string, Head> = {
  "previous-token": { query: (i) => at(i - 1), key: (j) => [j] },
  "first-token": { query: () => [0], key: (j) => (j === 0 ? [0] : []) },
  induction: { query: (i, tokens) => [tokens[i]!], key: (j, tokens) => (j === 0 ? [] : [tokens[j - 1]!]) },
  local: { query: (i) => at(i, i - 1, i - 2, i - 3, i - 4), key: (j) => [j] },
  broad: { query: () => [], key: () => [] },
};

/** No rotation: a head is then exactly what its queries and keys say. */
const unturned = (): RotaryTables => ({ cosine: tf.ones([S, S / 2]), sine: tf.zeros([S, S / 2]) });

function attentionOf({ query, key }: Head, tokens: ArrayLike<number>): Tensor4D {
  const qkv = tf.buffer([S, 3 * S]);
  for (let position = 0; position < S; position++) {
    for (const column of query(position, tokens)) qkv.set(STRONG, position, column);
    for (const column of key(position, tokens)) qkv.set(1, position, S + column);
  }
  return attentionProbabilities(qkv.toTensor() as Tensor2D, unturned(), 1);
}

describe("a head that is made to be one of a kind", () => {
  const different = Int32Array.from({ length: S + 1 }, (_, i) => i % S);
  const text = { tokens: different, categories: new Int32Array(S + 1) };
  const repeats = repeatedBatch(text, S).tokens;

  test.each(Object.entries(constructed))("%s is called that", (category, head) => {
    const [previousToken, firstToken, local, broad] = textScores(S)(attentionOf(head, different)).dataSync();
    const [induction] = inductionScores(S)(attentionOf(head, repeats)).dataSync();
    const scores = { previousToken, firstToken, local, broad, induction } as Parameters<typeof headCategory>[0];
    expect(headCategory(scores)).toBe(category);
    for (const score of Object.values(scores)) {
      expect(score).toBeGreaterThanOrEqual(0);
      expect(score).toBeLessThan(1 + 1e-5);
    }
    const own = { "previous-token": previousToken, "first-token": firstToken, induction, local, broad }[category]!;
    expect(own).toBeCloseTo(1, 3);
  });
});

describe("shares by class", () => {
  // Four positions: the first and third of class 0.
  const classes = () =>
    tf.tensor3d([
      [
        [1, 0],
        [0, 1],
        [1, 0],
        [0, 1],
      ],
    ]);

  test("a head that looks one back, by hand", () => {
    // Query 0 has only itself.
    const attention = tf.tensor4d([
      [
        [
          [1, 0, 0, 0],
          [1, 0, 0, 0],
          [0, 1, 0, 0],
          [0, 0, 1, 0],
        ],
      ],
    ]);
    expect([...sharesByClass(attention, classes()).dataSync()]).toEqual([0.75, 0.25]);
  });

  test("an even spread, by hand", () => {
    const [first, second] = sharesOfUniform(classes()).dataSync();
    expect(first).toBeCloseTo((1 + 1 / 2 + 2 / 3 + 2 / 4) / 4, 6);
    expect(first! + second!).toBeCloseTo(1, 6);
  });

  test("an even spread is what a head with equal scores gives", () => {
    const hot = tf.oneHot(
      tf.tensor2d(
        Int32Array.from({ length: S }, (_, i) => i % 3),
        [1, S],
        "int32",
      ),
      3,
    ) as Tensor3D;
    const shares = sharesByClass(attentionOf(constructed.broad!, []), tf.cast(hot, "float32")).dataSync();
    const even = sharesOfUniform(tf.cast(hot, "float32")).dataSync();
    for (const [index, share] of shares.entries()) expect(share).toBeCloseTo(even[index]!, 5);
  });
});

test("sequences taken a few at a time give the mean over all", () => {
  const [sequences, positions, heads, width] = [5, 1024, 8, 2];
  const qkv = tf.randomNormal([sequences * positions, 3 * heads * width], 0, 1, "float32", 2) as Tensor2D;
  const rotary = rotaryTables(positions, width);
  const taken: number[] = [];
  const scoresOf = inductionScores(positions);
  const before = tf.memory().numTensors;
  const mean = overSequences(qkv, rotary, heads, (attention, first) => {
    taken.push(first);
    return scoresOf(attention);
  });
  expect(taken).toEqual([0, 2, 4]);
  expect(tf.memory().numTensors).toBe(before + 1);
  const each = Array.from({ length: sequences }, (_, i) => {
    const one = tf.slice(qkv, [i * positions, 0], [positions, -1]);
    return [...scoresOf(attentionProbabilities(one, rotary, heads)).dataSync()];
  });
  for (const [head, value] of mean.dataSync().entries()) {
    expect(value).toBeCloseTo(each.reduce((sum, scores) => sum + scores[head]!, 0) / sequences, 6);
  }
});
