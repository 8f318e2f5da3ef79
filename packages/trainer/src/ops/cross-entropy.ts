// Next-token cross-entropy.
//
// T tokens, V vocabulary.
import { type Tensor1D, type Tensor2D, tf } from "../runtime/tf.ts";
import { withCustomGradient } from "./custom-gradient.ts";
import { attribute, runNativeMany } from "./native.ts";

/**
 * −ln softmax(logits)[target], in nats, for each token.
 *
 * @param logits_TV unnormalised scores
 * @param targets_T int32 token ids, 0 … V − 1
 */
export function crossEntropy(logits_TV: Tensor2D, targets_T: Tensor1D): Tensor1D {
  return (tf.getBackend() === "tensorflow" ? crossEntropyFused : crossEntropyComposed)(logits_TV, targets_T);
}

/** The plain tfjs composition, for every other backend and for tests. */
export function crossEntropyComposed(logits_TV: Tensor2D, targets_T: Tensor1D): Tensor1D {
  const hot_TV = tf.oneHot(targets_T, logits_TV.shape[1]);
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits_TV), hot_TV), 1));
}

export function crossEntropyFused(logits_TV: Tensor2D, targets_T: Tensor1D): Tensor1D {
  return withCustomGradient([logits_TV], (logits) => {
    const [loss_T, gradient_TV] = runNativeMany("SparseSoftmaxCrossEntropyWithLogits", [logits, targets_T], 2, [
      attribute("T", "TF_ATTR_TYPE", "TF_FLOAT"),
      attribute("Tlabels", "TF_ATTR_TYPE", "TF_INT32"),
    ]);
    return {
      value: loss_T as Tensor1D,
      saved: [gradient_TV!],
      gradient: (dLoss_T, [scores_TV]) => [tf.mul(scores_TV!, tf.expandDims(dLoss_T, 1))],
    };
  });
}
