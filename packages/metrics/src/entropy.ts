// Entropy of the distribution of load over experts.
import { totalLoad } from "./max-violation.ts";

/**
 * Normalised load entropy −Σ F_e ln F_e / ln E with F_e = n_e / Σ n. 1 is uniform, 0 means one expert takes everything.
 *
 * @param counts token-to-expert assignments n_e, one for each expert
 * @returns NaN when nothing was assigned; 1 for a single expert
 */
export function normalisedEntropy(counts: ArrayLike<number>): number {
  const total = totalLoad(counts);
  if (total === 0) return Number.NaN;
  if (counts.length === 1) return 1;
  let entropy = 0;
  for (let expert = 0; expert < counts.length; expert++) {
    const share = counts[expert]! / total;
    if (share > 0) entropy -= share * Math.log(share);
  }
  return entropy / Math.log(counts.length);
}
