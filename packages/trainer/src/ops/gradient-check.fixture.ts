// Compares gradients in tests: with finite differences, and of one implementation with another.
import { type Scalar, type Tensor, tf } from "../runtime/tf.ts";

/** A scalar function of tensors; all inputs are float32. */
export type ScalarFunction = (inputs: Tensor[]) => Scalar;

/** Gradient of `f` for each input, as plain numbers. */
export function gradientsOf(f: ScalarFunction, inputs: Tensor[]): Float32Array[] {
  return tf.tidy(() => {
    const { grads } = tf.engine().gradients(() => f(inputs), inputs);
    return grads.map((gradient) => gradient.dataSync<"float32">().slice());
  });
}

/**
 * Largest difference between the gradient along a few directions and the central difference of `f` along them, relative to the
 * larger of the two. The directions are random but lean towards the gradient: across it there is nothing but rounding to see.
 *
 * @param step length of the step along a direction of unit length; float32 wants about 1e-2
 */
export function finiteDifferenceError(f: ScalarFunction, inputs: Tensor[], step = 1e-2, directions = 4): number {
  const gradients = gradientsOf(f, inputs);
  let worst = 0;
  inputs.forEach((_, which) => {
    for (let seed = 0; seed < directions; seed++) {
      const direction = leaningTowards(gradients[which]!, 31 * which + seed);
      const along = direction.reduce((sum, d, i) => sum + d * gradients[which]![i]!, 0);
      const difference =
        (moved(f, inputs, which, direction, step) - moved(f, inputs, which, direction, -step)) / (2 * step);
      worst = Math.max(worst, Math.abs(along - difference) / Math.max(Math.abs(along), Math.abs(difference), 1e-3));
    }
  });
  return worst;
}

function moved(f: ScalarFunction, inputs: Tensor[], which: number, direction: Float32Array, by: number): number {
  return tf.tidy(() => {
    const delta = tf.mul(tf.tensor(direction, inputs[which]!.shape), by);
    return f(inputs.map((input, i) => (i === which ? tf.add(input, delta) : input))).dataSync()[0]!;
  });
}

function leaningTowards(gradient: Float32Array, seed: number): Float32Array {
  const noise = tf.tidy(() => tf.randomNormal([gradient.length], 0, 1, "float32", seed).dataSync<"float32">().slice());
  const [noiseLength, gradientLength] = [Math.hypot(...noise), Math.hypot(...gradient)];
  const sum = noise.map((value, i) => value / noiseLength + gradient[i]! / gradientLength);
  const length = Math.hypot(...sum);
  return sum.map((value) => value / length);
}

/** Largest |a − b| relative to the largest |b|. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let size = 1e-12;
  for (let i = 0; i < a.length; i++) {
    difference = Math.max(difference, Math.abs(a[i]! - b[i]!));
    size = Math.max(size, Math.abs(b[i]!));
  }
  return difference / size;
}
