// Names under which the numbers of a step are sent.
import type { v1 } from "@moescope/proto";
import type { TrainingStep } from "../train.ts";

/** @returns the scalars of a training step: losses in nats, times in seconds */
export function scalarsOf(step: TrainingStep): v1.Scalar.$Properties[] {
  return [
    { name: "loss", value: step.loss },
    { name: "loss/cross_entropy", value: step.crossEntropy },
    { name: "loss/balance", value: step.balanceLoss },
    { name: "learning_rate", value: step.learningRate },
    { name: "gradient_norm", value: step.gradientNorm },
    { name: "tokens_per_second", value: step.tokensPerSecond },
    { name: "step_time", value: step.stepTime },
  ];
}
