// RMSNorm, fused on native TensorFlow.
//
// T tokens, D width.
import { type Tensor1D, type Tensor2D, tf } from "../runtime/tf.ts";
import { withCustomGradient } from "./custom-gradient.ts";
import { attribute, hasNativeOps, runNativeMany } from "./native.ts";

const EPSILON = 1e-6;

/**
 * y = x / √(mean(x²) + ε) · gain for each row, ε = 1e-6 (arXiv 1910.07467).
 *
 * @param x_TD rows to normalise
 * @param gain_D one factor for each column
 */
export function rmsNorm(x_TD: Tensor2D, gain_D: Tensor1D): Tensor2D {
  return hasNativeOps() ? rmsNormFused(x_TD, gain_D) : rmsNormComposed(x_TD, gain_D);
}

/** The plain tfjs composition, for every other backend and for tests. */
export function rmsNormComposed(x_TD: Tensor2D, gain_D: Tensor1D): Tensor2D {
  const meanSquare_T1 = tf.mean(tf.square(x_TD), 1, true);
  return tf.mul(tf.mul(x_TD, tf.rsqrt(tf.add(meanSquare_T1, EPSILON))), gain_D);
}

export function rmsNormFused(x_TD: Tensor2D, gain_D: Tensor1D): Tensor2D {
  return withCustomGradient([x_TD, gain_D], (x, gain) => {
    const [y_TD, rstd_T] = runNativeMany("MoescopeRmsNorm", [x, gain], 2, [
      attribute("epsilon", "TF_ATTR_FLOAT", EPSILON),
    ]);
    return {
      value: y_TD as Tensor2D,
      saved: [x, gain, rstd_T!],
      gradient: (dy_TD, saved) => runNativeMany("MoescopeRmsNormGrad", [dy_TD, ...saved], 2),
    };
  });
}
