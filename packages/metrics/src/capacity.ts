// What a limit on the tokens of an expert would drop, from counts of a run without one.
import { busiestExpert, meanLoad, totalLoad } from "./max-violation.ts";

/** Factors are decimal fractions: 1.1 × 10 is 11 although the float is a little above. */
const ROUNDING = 1e-12;

/**
 * Most assignments an expert takes: ⌈capacity factor · k · T / E⌉ (arXiv 2101.03961 eq. 3, for k = 1; rounded up as in Megatron-LM).
 *
 * @param assignments k · T
 * @throws RangeError when the factor is not above 0
 */
export function expertCapacity(capacityFactor: number, assignments: number, experts: number): number {
  if (!(capacityFactor > 0)) throw new RangeError(`capacity factor ${capacityFactor}; allowed is a number above 0`);
  return Math.ceil(((capacityFactor * assignments) / experts) * (1 - ROUNDING));
}

export interface Dropped {
  assignments: number;
  /** Of all assignments, 0 … 1. */
  share: number;
}

/**
 * Assignments that would not be carried out at a capacity factor: Σ max(0, n_e − capacity). What an expert drops depends on its count
 * alone, not on which tokens come first.
 *
 * @param counts assignments of each expert of one batch (capacity is a limit of a batch), with nothing dropped yet
 * @returns a share of NaN when nothing was assigned
 * @throws RangeError when the factor is not above 0
 */
export function droppedAtCapacity(counts: ArrayLike<number>, capacityFactor: number): Dropped {
  const total = totalLoad(counts);
  const capacity = expertCapacity(capacityFactor, total, counts.length);
  let assignments = 0;
  for (let expert = 0; expert < counts.length; expert++) assignments += Math.max(0, counts[expert]! - capacity);
  return { assignments, share: total === 0 ? Number.NaN : assignments / total };
}

/**
 * Capacity factor that just holds the busiest expert: max(n) / mean(n), MaxVio + 1. Nothing is dropped from here on, and something
 * up to (max(n) − 1) / mean(n); between the two it is the rounding up that saves the last token.
 *
 * @param counts assignments of each expert of one batch, with nothing dropped yet
 * @returns 1 … E/k; NaN when nothing was assigned
 */
export function droplessCapacityFactor(counts: ArrayLike<number>): number {
  const mean = meanLoad(counts);
  return mean === 0 ? Number.NaN : counts[busiestExpert(counts)]! / mean;
}
