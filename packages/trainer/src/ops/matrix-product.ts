// The product of two matrices; on native TensorFlow by an operation that is faster than MatMul at the sizes of a model's layers.
//
// M × N rows and columns of the left matrix, N × P of the right one.
import { type Tensor, type Tensor2D, tf } from "../runtime/tf.ts";
import { withCustomGradient } from "./custom-gradient.ts";
import { attribute, hasNativeOps, runNative } from "./native.ts";

/** a · b, [M, P]. */
export function matrixProduct(a_MN: Tensor2D, b_NP: Tensor2D): Tensor2D {
  return hasNativeOps() ? matrixProductFused(a_MN, b_NP) : tf.matMul(a_MN, b_NP);
}

export function matrixProductFused(a_MN: Tensor2D, b_NP: Tensor2D): Tensor2D {
  return withCustomGradient([a_MN, b_NP], (a, b) => ({
    value: product(a, b, false, false),
    saved: [a, b],
    gradient: (dOut_MP, [left, right]) => [product(dOut_MP, right!, false, true), product(left!, dOut_MP, true, false)],
  }));
}

/** Not both may be transposed. */
function product(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor2D {
  return runNative(
    "MoescopeMatrixProduct",
    [a, b],
    [attribute("transpose_a", "TF_ATTR_BOOL", transposeA), attribute("transpose_b", "TF_ATTR_BOOL", transposeB)],
  ) as Tensor2D;
}
