// tf.customGrad with the types its callers need.
import { type Tensor, tf } from "../runtime/tf.ts";

export interface WithGradient<Output extends Tensor> {
  value: Output;
  /** Every tensor that `gradient` needs: what is not named here, constants made on the way included, is gone by then. */
  saved: Tensor[];
  /** Gradient of the loss for each input, given that for the output. */
  gradient: (dOutput: Output, saved: Tensor[]) => Tensor[];
}

/**
 * Runs `forward` off the gradient tape and puts its own gradient on it.
 *
 * @param inputs tensors that gradients flow to; `forward` gets them in this order
 */
export function withCustomGradient<Output extends Tensor>(
  inputs: Tensor[],
  forward: (...inputs: Tensor[]) => WithGradient<Output>,
): Output {
  const taped = tf.customGrad((...args: unknown[]) => {
    const save = args.pop() as (tensors: Tensor[]) => void;
    const { value, saved, gradient } = forward(...(args as Tensor[]));
    save(saved);
    return { value, gradFunc: (dOutput: Tensor, kept: Tensor[]) => gradient(dOutput as Output, kept) };
  });
  return taped(...inputs) as Output;
}
