// LongCat-Flash: experts that do nothing beside those that work, and a bias that steers how many of a token's choices work.
import { selectionBias } from "./selection-bias.ts";
import { requireNotNegative, type StrategyDefinition } from "./strategy.ts";

/**
 * N working and Z identity experts, softmax over all; choice by score + b. After every step, for working experts only,
 * b_e ← b_e + μ ((K_e / K) / N − n_e / (K T)), which also steers the mean number of working experts a token gets to K_e
 * (arXiv 2509.01322 §2.1; the proportional form that its published code has). `speed` is μ, not published: a bias travels at most
 * μ · K_e / (K N) a step, so short runs need a large one. `workingExperts` is K_e; 0 stands for K · N / (N + Z).
 */
export const longcat: StrategyDefinition<{ speed: number; workingExperts: number }> = {
  summary: "identity experts and a proportional bias (LongCat-Flash)",
  kind: "choice",
  scaled: true,
  defaults: { speed: 0.05, workingExperts: 0 },
  model: { gate: "softmax", normaliseGates: false, identityExperts: 4 },
  create({ speed, workingExperts }, run) {
    requireNotNegative("speed", speed);
    const { experts, identityExperts, topK } = run;
    const working = experts - identityExperts;
    const target = workingExperts || (topK * working) / experts;
    if (!(target > 0 && target <= topK)) {
      throw new RangeError(
        `balancing.workingExperts is ${workingExperts}; allowed are numbers up to model.topK = ${topK}`,
      );
    }
    if (identityExperts === 0 && target !== topK) {
      throw new RangeError(
        `balancing.workingExperts is ${workingExperts}, but all of a token's ${topK} experts work: model.identityExperts is 0`,
      );
    }
    return selectionBias(run, (bias, { loads }, _, step) =>
      longcatUpdate(bias, loads, working, target / topK, speed * (run.pace?.(step) ?? 1)),
    );
  },
};

/**
 * One update of a layer's bias, in place.
 *
 * @param working experts that work, the first of `loads`
 * @param workingShare share of all choices that should go to them, K_e / K
 */
export function longcatUpdate(
  bias: Float32Array,
  loads: ArrayLike<number>,
  working: number,
  workingShare: number,
  speed: number,
): void {
  const total = Array.from(loads).reduce((sum, load) => sum + load, 0);
  for (let expert = 0; expert < working; expert++) {
    bias[expert]! += speed * (workingShare / working - loads[expert]! / total);
  }
}
