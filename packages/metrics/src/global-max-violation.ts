// MaxVio of many histograms together.
import { maxViolation } from "./max-violation.ts";
import { sumHistograms } from "./window.ts";

/**
 * Global MaxVio (arXiv 2408.15664, §2): MaxVio of the loads summed over a window of steps, a validation set, or all ranks. Imbalances of
 * single batches that cancel out do not show in it. At most the mean of the batches' MaxVio, weighted by their assignments.
 *
 * @param histograms of one layer, each with one load for each expert
 * @returns 0 … E/k − 1; NaN when nothing was assigned
 * @throws RangeError when the lengths differ
 */
export function globalMaxViolation(histograms: Iterable<ArrayLike<number>>): number {
  return maxViolation(sumHistograms(histograms));
}
