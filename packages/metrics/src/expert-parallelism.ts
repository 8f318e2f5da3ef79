// What a layer's loads would mean for experts spread over ranks, from the counts alone.
import { maxViolation } from "./max-violation.ts";

/** For each rank, the indices of its experts. */
export type Placement = readonly (readonly number[])[];

/**
 * Experts in blocks one after another, E/R on each rank: what trainers do unless told otherwise.
 *
 * @throws RangeError when the experts cannot be split evenly
 */
export function contiguousPlacement(experts: number, ranks: number): number[][] {
  const perRank = expertsPerRank(experts, ranks);
  return Array.from({ length: ranks }, (_, rank) => Array.from({ length: perRank }, (_, i) => rank * perRank + i));
}

/** @returns Σ n_e over the experts of each rank */
export function rankLoads(counts: ArrayLike<number>, placement: Placement): Float64Array {
  return Float64Array.from(placement, (experts) => {
    let load = 0;
    // A loop: a what-if asks this of every layer of every bucket of a run, for each move of a slider.
    for (const expert of experts) load += counts[expert]!;
    return load;
  });
}

export interface RankImbalance {
  /** MaxVio of the ranks' loads, 0 … R − 1: what the device-level balance loss of arXiv 2401.06066 acts on. */
  maxViolation: number;
  /**
   * Time of the experts relative to balanced ranks, 1 … R: every rank waits for the busiest. A lower bound on what the imbalance costs,
   * as communication waits too.
   */
  slowdown: number;
}

/** @returns all NaN when nothing was assigned */
export function rankImbalance(counts: ArrayLike<number>, placement: Placement): RankImbalance {
  const violation = maxViolation(rankLoads(counts, placement));
  return { maxViolation: violation, slowdown: 1 + violation };
}

function expertsPerRank(experts: number, ranks: number): number {
  if (!Number.isInteger(ranks) || ranks < 1 || experts % ranks !== 0) {
    throw new RangeError(
      `${experts} experts cannot be split evenly over ${ranks} ranks; allowed are divisors of ${experts}`,
    );
  }
  return experts / ranks;
}
