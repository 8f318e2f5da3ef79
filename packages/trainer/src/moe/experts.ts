// SwiGLU experts over tokens sorted by expert, and the weighted sum of their answers; both fused on native TensorFlow.
//
// T tokens, D width, E experts, F hidden width, K choices, R rows, S slots of each expert (only when padded: R = E · S).

import { withCustomGradient } from "../ops/custom-gradient.ts";
import { gatherRows } from "../ops/embedding.ts";
import { batchProduct } from "../ops/matrix-product.ts";
import { hasNativeOps, runNative, runNativeMany } from "../ops/native.ts";
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor3D, tf } from "../runtime/tf.ts";
import type { RoutePlan } from "./route-plan.ts";

/**
 * y_r = (silu(x W_gate) ⊙ x W_up) W_down for the token x and the expert of every row r (arXiv 2002.05202).
 *
 * @param x_TD tokens
 * @param wIn_ED2F W_gate in the left half of the columns, W_up in the right
 * @param wOut_EFD W_down
 * @returns [R, D]; rows that are padding hold nothing of meaning
 */
export function runExperts(x_TD: Tensor2D, wIn_ED2F: Tensor3D, wOut_EFD: Tensor3D, plan: RoutePlan): Tensor2D {
  return (hasNativeOps() ? expertsFused : expertsComposed)(x_TD, wIn_ED2F, wOut_EFD, plan);
}

/** The plain tfjs composition as one batched product over [E, S, D]; needs a plan with every expert padded to S rows. */
export function expertsComposed(x_TD: Tensor2D, wIn_ED2F: Tensor3D, wOut_EFD: Tensor3D, plan: RoutePlan): Tensor2D {
  const [experts, width] = wIn_ED2F.shape;
  const x_ESD = tf.reshape(tokensToRows(x_TD, plan), [experts, -1, width]) as Tensor3D;
  const [gate_ESF, up_ESF] = tf.split(batchProduct(x_ESD, wIn_ED2F), 2, 2) as [Tensor3D, Tensor3D];
  const hidden_ESF = tf.mul(tf.mul(gate_ESF, tf.sigmoid(gate_ESF)), up_ESF) as Tensor3D;
  return tf.reshape(batchProduct(hidden_ESF, wOut_EFD), [-1, width]);
}

export function expertsFused(x_TD: Tensor2D, wIn_ED2F: Tensor3D, wOut_EFD: Tensor3D, plan: RoutePlan): Tensor2D {
  const { tokenOf_R, offset_E1, rowOf_TK } = plan;
  return withCustomGradient([x_TD, wIn_ED2F, wOut_EFD], (x, wIn, wOut) => {
    const [y_RD, pre_R2F] = runNativeMany("MoescopeExperts", [x, wIn, wOut, tokenOf_R, offset_E1], 2);
    return {
      value: y_RD as Tensor2D,
      saved: [x, wIn, wOut, tokenOf_R, offset_E1, pre_R2F!, rowOf_TK],
      gradient: (dy_RD, saved) => runNativeMany("MoescopeExpertsGrad", [dy_RD, ...saved], 3),
    };
  });
}

/**
 * y_t = Σ_k gate[t, e_k] · rows[row of (t, k)]; dropped choices add nothing.
 *
 * @param gates_TE gate weights, of which only those of chosen experts are read
 * @returns [T, D]
 */
export function combineRows(rows_RD: Tensor2D, gates_TE: Tensor2D, plan: RoutePlan): Tensor2D {
  return (hasNativeOps() ? combineFused : combineComposed)(rows_RD, gates_TE, plan);
}

export function combineFused(rows_RD: Tensor2D, gates_TE: Tensor2D, plan: RoutePlan): Tensor2D {
  const { rowOf_TK, choice_TK } = plan;
  return withCustomGradient([rows_RD, gates_TE], (rows, gates) => ({
    value: runNative("MoescopeCombine", [rows, gates, rowOf_TK, choice_TK]) as Tensor2D,
    saved: [rows, gates, rowOf_TK, choice_TK],
    gradient: (dy_TD, saved) => runNativeMany("MoescopeCombineGrad", [dy_TD, ...saved], 2),
  }));
}

/** The plain tfjs composition. The way of rows to tokens and back is a bijection, so both directions are gathers. */
export function combineComposed(rows_RD: Tensor2D, gates_TE: Tensor2D, plan: RoutePlan): Tensor2D {
  const weighted_RD = tf.mul(rows_RD, gateOfRow(gates_TE, plan)) as Tensor2D;
  return rowsToTokens(weighted_RD, plan);
}

/** Gate of every row's (token, expert), [R, 1]; 0 for padding. Gathers from [T, E] by row, and by choice in its gradient. */
function gateOfRow(gates_TE: Tensor2D, plan: RoutePlan): Tensor2D {
  const [tokens, experts] = gates_TE.shape;
  const rows = plan.tokenOf_R.shape[0];
  return withCustomGradient([gates_TE], (gates) => {
    const gates_RE = gatherRows(withZeroRow(gates as Tensor2D), plan.tokenOf_R);
    const expertOfRow_RE = tf.oneHot(expertOfRows(rows, plan.offset_E1.shape[0] - 1), experts);
    return {
      value: tf.sum(tf.mul(gates_RE, expertOfRow_RE), 1, true) as Tensor2D,
      saved: [plan.rowOf_TK, plan.choice_TK],
      gradient: (dGate_R1, [rowOf, choice]) => {
        const expertOf = columns(choice as Tensor2D);
        const perChoice = columns(rowOf as Tensor2D).map((row_T, k) => {
          return tf.mul(gatherRowsOrZero(dGate_R1, row_T), tf.oneHot(expertOf[k]!, experts));
        });
        return [tf.reshape(tf.addN(perChoice), [tokens, experts])];
      },
    };
  });
}

function expertOfRows(rows: number, experts: number): Tensor1D {
  return tf.tensor1d(
    Int32Array.from({ length: rows }, (_, row) => Math.floor((row * experts) / rows)),
    "int32",
  );
}

/** x[token of row]; zero for padding. Its gradient gathers the other way. */
function tokensToRows(x_TD: Tensor2D, plan: RoutePlan): Tensor2D {
  return withCustomGradient([x_TD], (x) => ({
    value: gatherRows(withZeroRow(x as Tensor2D), plan.tokenOf_R),
    saved: [plan.rowOf_TK],
    gradient: (dRows_RD, [rowOf]) => [sumOfChoices(dRows_RD, rowOf as Tensor2D)],
  }));
}

/** Σ over a token's choices of their rows. Its gradient gathers the other way. */
function rowsToTokens(rows_RD: Tensor2D, plan: RoutePlan): Tensor2D {
  return withCustomGradient([rows_RD], (rows) => ({
    value: sumOfChoices(rows as Tensor2D, plan.rowOf_TK),
    saved: [plan.tokenOf_R],
    gradient: (dy_TD, [tokenOf]) => [gatherRows(withZeroRow(dy_TD), tokenOf as Tensor1D)],
  }));
}

function sumOfChoices(rows_RD: Tensor2D, rowOf_TK: Tensor2D): Tensor2D {
  return tf.addN(columns(rowOf_TK).map((row_T) => gatherRowsOrZero(rows_RD, row_T)));
}

/** Like gatherRows, but index −1 gives zeros. */
function gatherRowsOrZero(rows: Tensor2D, index: Tensor1D): Tensor2D {
  const last = tf.fill(index.shape, rows.shape[0], "int32");
  return gatherRows(withZeroRow(rows), tf.where(tf.less(index, 0), last, index) as Tensor1D);
}

function withZeroRow(x: Tensor2D): Tensor2D {
  return tf.concat([x, tf.zeros([1, x.shape[1]])]);
}

function columns(x_TK: Tensor2D): Tensor1D[] {
  return tf.unstack(x_TK as Tensor, 1) as Tensor1D[];
}
