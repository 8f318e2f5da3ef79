// How router logits become scores.
//
// T tokens, E experts.
import { type Tensor2D, tf } from "../runtime/tf.ts";

const gates: Record<string, (logits_TE: Tensor2D) => Tensor2D> = {
  sigmoid: (logits_TE) => tf.sigmoid(logits_TE),
  softmax: (logits_TE) => tf.softmax(logits_TE) as Tensor2D,
  /** DeepSeek-V4. */
  "sqrt-softplus": (logits_TE) => tf.sqrt(tf.softplus(logits_TE)),
};

export const gateNames = Object.keys(gates);

/** @param gate one of `gateNames` */
export function gateScores(logits_TE: Tensor2D, gate: string): Tensor2D {
  return gates[gate]!(logits_TE);
}
