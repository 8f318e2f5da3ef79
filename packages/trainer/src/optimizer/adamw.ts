// AdamW over all parameters of a model: the contract of its two implementations.
import type { Scalar, Tensor } from "../runtime/tf.ts";

export interface AdamWOptions {
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
}

/** Start values of one parameter. */
export interface StartValue {
  name: string;
  shape: number[];
  values: Float32Array;
  decay: boolean;
}

/**
 * Owns the parameters and their moments (arXiv 1711.05101, algorithm 2, bias-corrected).
 *
 * w ← w − η · λ · w − η · m̂ / (√v̂ + ε)
 */
export interface AdamW {
  readonly names: readonly string[];
  /** The current value of every parameter, in the order of `names`; the caller disposes them before the next `apply`. */
  read(): Tensor[];
  /** Σ g² over all gradients. */
  sumOfSquares(gradients: readonly Tensor[]): Scalar;
  /** One update; `gradientScale` multiplies every gradient (for clipping). */
  apply(gradients: readonly Tensor[], learningRate: number, gradientScale: number): void;
  dispose(): void;
}
