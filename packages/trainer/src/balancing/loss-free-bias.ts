// Loss-free balancing: a bias on each expert's score, moved against its load after every step.
import { type BalancingStrategy, requireNotNegative, type StrategyDefinition } from "./strategy.ts";

/**
 * b_e ← b_e + u · sign(mean n − n_e) after every optimizer step, from the counts of the whole batch (arXiv 2408.15664, algorithm 1).
 * `speed` is u; after the share `until` of the run's steps the bias stays as it is (arXiv 2412.19437 ends updates before training).
 */
export const lossFreeBias: StrategyDefinition<{ speed: number; until: number }> = {
  summary: "bias on the choice, no auxiliary loss (sign update)",
  defaults: { speed: 0.001, until: 1 },
  create({ speed, until }, { moeLayers, experts, steps }): BalancingStrategy {
    requireNotNegative("speed", speed);
    requireNotNegative("until", until);
    const bias = Array.from({ length: moeLayers }, () => new Float32Array(experts));
    return {
      selectionBias: (moeLayer) => bias[moeLayer]!,
      afterStep(loads, step) {
        if (step >= until * steps) return;
        loads.forEach((load, moeLayer) => {
          moveAgainstLoad(bias[moeLayer]!, load, speed);
        });
      },
    };
  },
};

/** One update of a layer's bias, in place. An expert at exactly the mean load keeps its bias. */
export function moveAgainstLoad(bias: Float32Array, load: ArrayLike<number>, speed: number): void {
  let total = 0;
  for (let expert = 0; expert < load.length; expert++) total += load[expert]!;
  const mean = total / load.length;
  for (let expert = 0; expert < load.length; expert++) bias[expert]! += speed * Math.sign(mean - load[expert]!);
}
