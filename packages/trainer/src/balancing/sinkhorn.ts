// Sinkhorn routing: experts chosen from scores that are first scaled until every expert has the same share (S-BASE, Megatron).
//
// T tokens, E experts.
import { type Tensor2D, tf } from "../runtime/tf.ts";
import type { RouterScores, StrategyDefinition } from "./strategy.ts";

/**
 * In training top-K of the Sinkhorn transport plan of exp(logits); gates are the plain scores, not divided by their sum. In evaluation
 * top-K of the plain scores, because the plan depends on the whole batch (arXiv 2202.01169; Megatron-LM's `sinkhorn_load_balancing`,
 * which has softmax scores, and sigmoid ones for K = 1: model.gate=sigmoid). The plan's shares are equal, the counts of its top-K only
 * nearly so.
 */
export const sinkhornStrategy: StrategyDefinition<{ tolerance: number; iterations: number }> = {
  summary: "top-k of the Sinkhorn plan (S-BASE); evaluated causally, by top-k",
  kind: "choice",
  balancedBecause: "Sinkhorn gives every expert the same share of the plan",
  defaults: { tolerance: 1e-4, iterations: 100 },
  model: { gate: "softmax", normaliseGates: false },
  create({ tolerance, iterations }, { groups }) {
    if (!(tolerance > 0)) throw new RangeError(`balancing.tolerance is ${tolerance}; allowed are numbers above 0`);
    if (!(Number.isSafeInteger(iterations) && iterations > 0)) {
      throw new RangeError(`balancing.iterations is ${iterations}; allowed are whole numbers from 1`);
    }
    if (groups > 1) throw new RangeError(`model.groups is ${groups}; a Sinkhorn plan is over all experts: set it to 1`);
    return {
      selectionScores: ({ logits_TE, scores_TE, context }: RouterScores) => {
        return context.training ? sinkhorn(logits_TE, tolerance, iterations) : scores_TE;
      },
    };
  },
};

const EPSILON = 1e-8;

/**
 * π = d0 · exp(logits) · d1 with rows that add up to 1/T and columns to 1/E, nearly. The iteration runs on the host. What a row has in
 * common goes into d0, so the highest logit of each is taken off: exp(89) is too large for a float.
 */
export function sinkhorn(logits_TE: Tensor2D, tolerance = 1e-4, iterations = 100): Tensor2D {
  const [tokens, experts] = logits_TE.shape;
  const cost = tf.exp(tf.sub(logits_TE, tf.max(logits_TE, 1, true))).dataSync<"float32">();
  const rowScale = new Float64Array(tokens);
  let columnScale = new Float64Array(experts).fill(1);
  for (let i = 0, change = Number.POSITIVE_INFINITY; i < iterations && change > tolerance; i++) {
    const columnSum = new Float64Array(experts);
    for (let t = 0; t < tokens; t++) {
      let sum = 0;
      for (let e = 0; e < experts; e++) sum += columnScale[e]! * cost[t * experts + e]!;
      rowScale[t] = 1 / (tokens * (sum + EPSILON));
      for (let e = 0; e < experts; e++) columnSum[e]! += rowScale[t]! * cost[t * experts + e]!;
    }
    const next = columnSum.map((sum) => 1 / (experts * (sum + EPSILON)));
    change = next.reduce((sum, value, e) => sum + Math.abs(value - columnScale[e]!), 0) / experts;
    columnScale = next;
  }
  const plan = cost.map((value, at) => value * rowScale[Math.floor(at / experts)]! * columnScale[at % experts]!);
  return tf.tensor2d(plan, [tokens, experts]);
}
