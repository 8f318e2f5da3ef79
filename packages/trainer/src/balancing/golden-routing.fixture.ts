// The routing of golden/balancing.json, for tests: T = 12 tokens, E = 8 experts, K = 2.
import { type Routing, route } from "../moe/router.ts";
import { type Tensor2D, tf } from "../runtime/tf.ts";

/** logits[t, e] = sin(1.3 t e) + 0.5 cos(0.7 t + 2.1 e), t and e from 1. */
export function goldenLogits(): Tensor2D {
  const values = Array.from({ length: 12 }, (_, t) =>
    Array.from({ length: 8 }, (_, e) => {
      return Math.sin(1.3 * (t + 1) * (e + 1)) + 0.5 * Math.cos(0.7 * (t + 1) + 2.1 * (e + 1));
    }),
  );
  return tf.tensor2d(values);
}

export function goldenRouting(gate: "sigmoid" | "softmax", bias?: number[]): Routing {
  const identity = tf.eye(8) as Tensor2D;
  const options = { experts: 8, topK: 2, gate, normaliseGates: true, capacityFactor: 0 };
  return route(goldenLogits(), identity, bias && tf.tensor1d(bias), 0, options);
}
