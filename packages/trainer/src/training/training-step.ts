// One step as the train loop knows it, and the names under which its numbers are sent.
import type { v1 } from "@moescope/proto";
import type { Trained } from "./train-step.ts";

export interface TrainingStep extends Trained {
  step: number;
  /** Seconds this step took, and training tokens a second. */
  stepTime: number;
  tokensPerSecond: number;
}

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
