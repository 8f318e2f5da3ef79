// The product of two matrices; on native TensorFlow by an operation that is faster than MatMul at the sizes of a model's layers.
//
// M × N rows and columns of the left matrix, N × P of the right one.
import { type Tensor, type Tensor2D, type Tensor3D, tf } from "../runtime/tf.ts";
import { withCustomGradient } from "./custom-gradient.ts";
import { attribute, hasNativeOps, runNative } from "./native.ts";

/** a · b, [M, P]. */
export function matrixProduct(a_MN: Tensor2D, b_NP: Tensor2D): Tensor2D {
  if (hasNativeOps()) return matrixProductFused(a_MN, b_NP);
  return tf.getBackend() === "wasm" ? matrixProductOfPlain(a_MN, b_NP) : tf.matMul(a_MN, b_NP);
}

/** The product of every pair of matrices of two stacks, [B, M, P]. */
export function batchProduct(a_BMN: Tensor3D, b_BNP: Tensor3D): Tensor3D {
  return tf.getBackend() === "wasm" ? batchProductOfPlain(a_BMN, b_BNP) : tf.matMul(a_BMN, b_BNP);
}

// The wasm backend has a fast kernel for the product of two plain matrices alone: stacked or transposed operands go through one
// that is some twenty times slower. So both are taken apart, in the gradients too.

export function matrixProductOfPlain(a_MN: Tensor2D, b_NP: Tensor2D): Tensor2D {
  return withCustomGradient([a_MN, b_NP], (a, b) => ({
    value: tf.matMul(a as Tensor2D, b as Tensor2D),
    saved: [a, b],
    gradient: (dOut_MP, [left, right]) => [
      tf.matMul(dOut_MP, tf.transpose(right!)),
      tf.matMul(tf.transpose(left!), dOut_MP),
    ],
  }));
}

export function batchProductOfPlain(a_BMN: Tensor3D, b_BNP: Tensor3D): Tensor3D {
  const transposed = (x: Tensor) => tf.transpose(x, [0, 2, 1]);
  return withCustomGradient([a_BMN, b_BNP], (a, b) => ({
    value: stackOfProducts(a, b),
    saved: [a, b],
    gradient: (dOut_BMP, [left, right]) => [
      stackOfProducts(dOut_BMP, transposed(right!)),
      stackOfProducts(transposed(left!), dOut_BMP),
    ],
  }));
}

function stackOfProducts(a_BMN: Tensor, b_BNP: Tensor): Tensor3D {
  const right = matricesOf(b_BNP);
  return tf.stack(matricesOf(a_BMN).map((a, i) => tf.matMul(a, right[i]!))) as Tensor3D;
}

/** The matrices of a stack. Taken apart on the host: wasm's Unpack copies the whole stack for every matrix. */
function matricesOf(x_BMN: Tensor): Tensor2D[] {
  const [count, rows, columns] = x_BMN.shape as [number, number, number];
  const values = x_BMN.dataSync<"float32">();
  const size = rows * columns;
  return Array.from({ length: count }, (_, i) => {
    return tf.tensor2d(values.subarray(i * size, (i + 1) * size), [rows, columns]);
  });
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
