// AdamW over all parameters of a model: the contract of its two implementations.
import type { NamedArray } from "../checkpoint/named-array.ts";
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
  /**
   * Everything that updates change, read back: `parameter/<name>`, `first-moment/<name>`, `second-moment/<name>` for each parameter, and
   * how many updates were made as `optimizer/updates`. The values are the caller's own.
   */
  state(): NamedArray[];
  /** Goes on from what `state` gave, of this optimizer or of one over parameters of the same names and shapes. */
  restore(state: readonly NamedArray[]): void;
  dispose(): void;
}
