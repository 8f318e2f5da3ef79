// Loss-free balancing: a bias on each expert's score, moved against its load after every step.
import { type Tensor2D, tf } from "../runtime/tf.ts";
import { type BiasUpdate, selectionBias, shortfall } from "./selection-bias.ts";
import { type RouterScores, requireNotNegative, requireOneOf, type StrategyDefinition } from "./strategy.ts";

/** How far a bias moves for each expert's relative shortfall v_e = (mean n − n_e) / mean n, in units of the speed. */
const updates: Record<string, (shortfall: Float64Array) => Float64Array> = {
  /** arXiv 2408.15664 algorithm 1; an expert at exactly the mean keeps its bias. */
  sign: (v) => v.map(Math.sign),
  /** Its proportional variant, on relative violations: raw counts at these speeds oscillate. */
  proportional: (v) => v,
  /** Its multiplicative variant, eq. 5: scores are multiplied by a bias that starts at 1. */
  multiplicative: (v) => v.map(Math.sign),
  /** Jianlin Su, kexue.fm 10757: the violation divided by its root mean square. */
  rms: (v) => {
    const rms = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0) / v.length);
    return rms > 0 ? v.map((x) => x / rms) : v;
  },
};

/**
 * b_e ← b_e + u · step_e after every optimizer step, from the counts of the whole batch (arXiv 2408.15664). `speed` is u, `update`
 * how step_e follows from the load; after the share `until` of the run's steps the bias stays as it is (2412.19437 ends updates
 * before training).
 */
export const lossFreeBias: StrategyDefinition<{ speed: number; update: string; until: number }> = {
  summary: "bias on the choice, no auxiliary loss (DeepSeek loss-free)",
  kind: "choice",
  scaled: true,
  defaults: { speed: 0.001, update: "sign", until: 1 },
  create({ speed, update, until }, run) {
    requireNotNegative("speed", speed);
    requireOneOf("update", update, Object.keys(updates));
    requireNotNegative("until", until);
    const multiplicative = update === "multiplicative";
    const move: BiasUpdate = (values, { loads }, _, step) =>
      moveAgainstLoad(values, loads, speed * (run.pace?.(step) ?? 1), update);
    const bias = selectionBias(run, move, {
      lastStep: until * run.steps,
      start: multiplicative ? 1 : 0,
    });
    return multiplicative ? { ...bias, selectionScores: scaledScores } : bias;
  },
};

function scaledScores({ scores_TE, bias_E }: RouterScores): Tensor2D {
  return bias_E ? (tf.mul(scores_TE, bias_E) as Tensor2D) : scores_TE;
}

/** One update of a layer's bias, in place. */
export function moveAgainstLoad(bias: Float32Array, loads: ArrayLike<number>, speed: number, update = "sign"): void {
  updates[update]!(shortfall(loads)).forEach((step, expert) => {
    bias[expert]! += speed * step;
  });
}
