// How router logits become scores, and scores the shares of a token's experts.
//
// T tokens, E experts.
import { type Tensor2D, tf } from "../runtime/tf.ts";

interface Gate {
  scores: (logits_TE: Tensor2D) => Tensor2D;
  /** ln of the scores, up to a number for each token: finite where the score itself is too small for a float. */
  logScores: (logits_TE: Tensor2D) => Tensor2D;
}

/** Below it softplus(x) is exp(x) to the last bit of a float. */
const SOFTPLUS_IS_EXP = -20;

const gates: Record<string, Gate> = {
  sigmoid: {
    scores: (logits_TE) => tf.sigmoid(logits_TE),
    logScores: (logits_TE) => tf.neg(tf.softplus(tf.neg(logits_TE))) as Tensor2D,
  },
  softmax: {
    scores: (logits_TE) => tf.softmax(logits_TE) as Tensor2D,
    logScores: (logits_TE) => logits_TE,
  },
  /** DeepSeek-V4. By way of the logarithm, because the square root has no gradient at 0, which softplus reaches. */
  "sqrt-softplus": {
    scores: (logits_TE) => tf.exp(logSqrtSoftplus(logits_TE)) as Tensor2D,
    logScores: logSqrtSoftplus,
  },
};

export const gateNames = Object.keys(gates);

/** @param gate one of `gateNames` */
export function gateScores(logits_TE: Tensor2D, gate: string): Tensor2D {
  return gates[gate]!.scores(logits_TE);
}

/**
 * The scores of each token divided by their sum. Made from logarithms: where all scores of a token are close to 0, as those of sigmoid
 * below logits of −45, the quotient would be 0 / 0, and so would its gradient.
 *
 * @param among_TE 0/1: which scores count, the others become 0; all when absent. A token with none has zeros alone.
 */
export function gateShares(logits_TE: Tensor2D, gate: string, among_TE?: Tensor2D): Tensor2D {
  const logScores_TE = gates[gate]!.logScores(logits_TE);
  if (!among_TE) return tf.softmax(logScores_TE) as Tensor2D;
  const outOfReach_TE = tf.mul(tf.sub(among_TE, 1), 1e30);
  return tf.mul(tf.softmax(tf.add(logScores_TE, outOfReach_TE)), among_TE) as Tensor2D;
}

function logSqrtSoftplus(logits_TE: Tensor2D): Tensor2D {
  // Below the bound ln softplus(x) = x. The logarithm of what underflows would be infinite.
  const log_TE = tf.log(tf.softplus(tf.maximum(logits_TE, SOFTPLUS_IS_EXP)));
  return tf.mul(tf.sub(log_TE, tf.relu(tf.sub(SOFTPLUS_IS_EXP, logits_TE))), 0.5) as Tensor2D;
}
