// Gini coefficient of expert load.
import { totalLoad } from "./max-violation.ts";

/**
 * Gini = Σ_i Σ_j |n_i − n_j| / (2 E² mean(n)): half the mean difference between two experts, in units of the mean load. 0 is balanced,
 * 1 − 1/E means one expert takes everything.
 *
 * @param counts token-to-expert assignments n_e, one for each expert
 * @returns NaN when nothing was assigned
 */
export function giniCoefficient(counts: ArrayLike<number>): number {
  const experts = counts.length;
  const total = totalLoad(counts);
  if (total === 0) return Number.NaN;
  // In ascending order every n is the larger one of `rank` pairs and the smaller one of `experts − 1 − rank`.
  const ascending = Float64Array.from(counts).sort();
  const differences = ascending.reduce((sum, count, rank) => sum + (2 * rank + 1 - experts) * count, 0);
  return differences / (experts * total);
}
