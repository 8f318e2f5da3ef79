// The routing of golden/balancing.json, for tests: T = 12 tokens, E = 8 experts, K = 2.

import { type RouterOptions, type Routing, route } from "../moe/router.ts";
import { type Tensor2D, type Tensor3D, tf } from "../runtime/tf.ts";
import type { BalancingStrategy } from "./strategy.ts";

/** logits[t, e] = sin(1.3 t e) + 0.5 cos(0.7 t + 2.1 e), t and e from 1. */
export function goldenLogits(): Tensor2D {
  const values = Array.from({ length: 12 }, (_, t) =>
    Array.from({ length: 8 }, (_, e) => {
      return Math.sin(1.3 * (t + 1) * (e + 1)) + 0.5 * Math.cos(0.7 * (t + 1) + 2.1 * (e + 1));
    }),
  );
  return tf.tensor2d(values);
}

export interface GoldenRouting {
  gate?: "sigmoid" | "softmax";
  bias?: number[];
  strategy?: BalancingStrategy;
  options?: Partial<RouterOptions>;
  /** Sequences that the twelve tokens are. */
  sequences?: number;
  training?: boolean;
}

export function goldenRouting(golden: GoldenRouting = {}): Routing {
  const { gate = "softmax", bias, strategy = {}, options, sequences = 1, training = true } = golden;
  const tokens_T = tf.range(0, 12, 1, "int32");
  const context = { layer: 0, moeLayer: 0, step: 0, training, sequences, tokens_T };
  const weights = { router_DE: tf.eye(8) as Tensor2D, wIn_ED2F: tf.zeros([8, 8, 4]) as Tensor3D };
  return route(
    goldenLogits(),
    weights,
    { strategy, bias_E: bias && tf.tensor1d(bias), context },
    {
      experts: 8,
      identityExperts: 0,
      topK: 2,
      gate,
      normaliseGates: true,
      gateScale: 1,
      groups: 1,
      groupsKept: 1,
      capacityFactor: 0,
      dropPolicy: "position",
      ...options,
    },
  );
}
