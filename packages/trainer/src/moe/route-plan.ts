// Which row of which expert every chosen (token, expert) pair is worked on in.
//
// T tokens, K choices of each, E experts, R rows.

import { attribute, hasNativeOps, runNativeMany } from "../ops/native.ts";
import { offTape } from "../ops/off-tape.ts";
import { oneHot } from "../ops/one-hot.ts";
import { topK } from "../ops/top-values.ts";
import { type Tensor, type Tensor1D, type Tensor2D, tf } from "../runtime/tf.ts";

/** Rows of one expert lie together, experts in order. None of its tensors carries a gradient. */
export interface RoutePlan {
  /** int32 [T, K]: experts chosen by each token; −1 where it has fewer than K. */
  choice_TK: Tensor2D;
  /** int32 [T, K]: row of each choice; −1 where it was dropped because the expert was at capacity. */
  rowOf_TK: Tensor2D;
  /** int32 [R]: token of each row; T where a row is padding. */
  tokenOf_R: Tensor1D;
  /** int32 [E + 1]: first row of each expert, then the end of the last. */
  offset_E1: Tensor1D;
  /** float 0/1 [T, E]: what was chosen, and what of it was carried out. One tensor when nothing can be dropped. */
  chosen_TE: Tensor2D;
  kept_TE: Tensor2D;
}

/**
 * Plans the work for the experts that tokens chose. All first choices come before any second choice (arXiv 2006.16668), so under a
 * capacity later choices are dropped first.
 *
 * @param choice_TK int32 expert ids, −1 for none; the choices of one token differ from each other
 * @param capacity most rows an expert takes; undefined for dropless
 * @param priority_TE what an expert at capacity keeps the highest of, instead of the earliest; of equals the earlier token
 */
export function planRoutes(
  choice_TK: Tensor2D,
  experts: number,
  capacity: number | undefined,
  priority_TE?: Tensor2D,
): RoutePlan {
  if (capacity && priority_TE) return planByPriority(choice_TK, experts, capacity, priority_TE);
  return hasNativeOps() ? planFused(choice_TK, experts, capacity) : planOnHost(choice_TK, experts, capacity);
}

/**
 * Every choice becomes a token of its own, the highest priority first, and the plan of those is told in tokens again. Costs two sorts of
 * all T·K choices and K times the memory of the other policy, here and on native TensorFlow alike.
 *
 * P = T·K choices.
 */
function planByPriority(choice_TK: Tensor2D, experts: number, capacity: number, priority_TE: Tensor2D): RoutePlan {
  return offTape(() => {
    const [tokens, choices] = choice_TK.shape;
    const count = tokens * choices;
    const row = (x: Tensor) => tf.reshape(x, [1, count]) as Tensor2D;
    const inOrder = (x: Tensor, order_P: Tensor1D) => tf.gather(tf.reshape(x, [count]), order_P) as Tensor1D;
    const ranked = (x: Tensor) => tf.reshape(topK(row(x), count).indices, [count]) as Tensor1D;

    const priority_TK = tf.sum(tf.mul(oneHot(choice_TK, priority_TE.shape[1]), tf.expandDims(priority_TE, 1)), 2);
    const order_P = ranked(priority_TK);
    const sorted_P1 = tf.reshape(inOrder(choice_TK, order_P), [count, 1]) as Tensor2D;
    const sorted = planRoutes(sorted_P1, experts, capacity);

    // Places from 0 are whole numbers that float32 holds up to 2^24; the place of each choice in the order is the order of the order.
    const place_P = ranked(tf.neg(tf.cast(order_P, "float32")));
    const rowOf_TK = tf.reshape(inOrder(sorted.rowOf_TK, place_P), [tokens, choices]) as Tensor2D;
    const tokenOfPlace_P1 = tf.concat([
      tf.floorDiv(order_P, tf.scalar(choices, "int32")),
      tf.tensor1d([tokens], "int32"),
    ]);
    const none_TK = tf.neg(tf.onesLike(choice_TK));
    const kept_TK = tf.where(tf.less(rowOf_TK, tf.scalar(0, "int32")), none_TK, choice_TK) as Tensor2D;
    return {
      choice_TK,
      rowOf_TK,
      tokenOf_R: tf.gather(tokenOfPlace_P1, sorted.tokenOf_R) as Tensor1D,
      offset_E1: sorted.offset_E1,
      chosen_TE: hotChoices(choice_TK, experts),
      kept_TE: hotChoices(kept_TK, experts),
    };
  });
}

function planFused(choice_TK: Tensor2D, experts: number, capacity: number | undefined): RoutePlan {
  const [rowOf_TK, tokenOf_R, offset_E1, chosen_TE, kept_TE] = runNativeMany("MoescopeRoutePlan", [choice_TK], 5, [
    attribute("experts", "TF_ATTR_INT", experts),
    attribute("capacity", "TF_ATTR_INT", capacity ?? 0),
  ]) as [Tensor2D, Tensor1D, Tensor1D, Tensor2D, Tensor2D];
  return { choice_TK, rowOf_TK, tokenOf_R, offset_E1, chosen_TE, kept_TE: capacity ? kept_TE : chosen_TE };
}

/**
 * The same plan made in JavaScript, with every expert padded to the rows of the busiest: then all experts are one batched product.
 * Costs a read-back of the choices.
 */
export function planOnHost(choice_TK: Tensor2D, experts: number, capacity: number | undefined): RoutePlan {
  const [tokens, choices] = choice_TK.shape;
  const expertOf = choice_TK.dataSync<"int32">();
  const load = new Int32Array(experts);
  for (const expert of expertOf) if (expert >= 0) load[expert]! += 1;
  const slots = Math.max(1, Math.min(capacity ?? tokens, Math.max(...load)));

  const rowOf = new Int32Array(tokens * choices).fill(-1);
  const tokenOf = new Int32Array(experts * slots).fill(tokens);
  const chosen = new Float32Array(tokens * experts);
  const kept = new Float32Array(tokens * experts);
  const taken = new Int32Array(experts);
  for (let choice = 0; choice < choices; choice++) {
    for (let token = 0; token < tokens; token++) {
      const expert = expertOf[token * choices + choice]!;
      if (expert < 0) continue;
      chosen[token * experts + expert] = 1;
      if (taken[expert]! >= slots) continue;
      const row = expert * slots + taken[expert]!++;
      rowOf[token * choices + choice] = row;
      tokenOf[row] = token;
      kept[token * experts + expert] = 1;
    }
  }
  const chosen_TE = tf.tensor2d(chosen, [tokens, experts]);
  return {
    choice_TK,
    rowOf_TK: tf.tensor2d(rowOf, [tokens, choices], "int32"),
    tokenOf_R: tf.tensor1d(tokenOf, "int32"),
    offset_E1: tf.tensor1d(
      Int32Array.from({ length: experts + 1 }, (_, e) => e * slots),
      "int32",
    ),
    chosen_TE,
    kept_TE: capacity ? tf.tensor2d(kept, [tokens, experts]) : chosen_TE,
  };
}

/**
 * The K experts with the highest scores of each token; the lowest index wins a tie.
 *
 * @param scores_TE read as constants: no gradient flows through a choice
 * @returns int32 [T, K], best first
 */
export function chooseTopK(scores_TE: Tensor2D, count: number): Tensor2D {
  return offTape(() => {
    const { values, indices } = topK(scores_TE, count);
    values.dispose();
    return indices;
  });
}

/** 1 where a token chose an expert, else 0; choices that are not 0 … E − 1 are none. */
export function hotChoices(choice_TK: Tensor2D, experts: number): Tensor2D {
  return tf.sum(oneHot(choice_TK, experts), 1) as Tensor2D;
}

/** The plan of a dense layer: one expert takes all tokens in their order. */
export function everyToken(tokens: number): RoutePlan {
  const tokenOf_R = tf.range(0, tokens, 1, "int32");
  const ones = tf.ones([tokens, 1]) as Tensor2D;
  return {
    choice_TK: tf.zeros([tokens, 1], "int32"),
    rowOf_TK: tf.reshape(tokenOf_R, [tokens, 1]),
    tokenOf_R,
    offset_E1: tf.tensor1d([0, tokens], "int32"),
    chosen_TE: ones,
    kept_TE: ones,
  };
}
