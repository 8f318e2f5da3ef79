// Entropy of the distribution of load over experts.
import { totalLoad } from "./max-violation.ts";
import { shares } from "./shares.ts";

/**
 * Normalised load entropy −Σ F_e ln F_e / ln E with F_e = n_e / Σ n. 1 is uniform, 0 means one expert takes everything.
 *
 * @param counts token-to-expert assignments n_e, one for each expert
 * @returns NaN when nothing was assigned; 1 for a single expert
 */
export function normalisedEntropy(counts: ArrayLike<number>): number {
  if (totalLoad(counts) === 0) return Number.NaN;
  return counts.length === 1 ? 1 : entropyOf(shares(counts)) / Math.log(counts.length);
}

/**
 * Shannon entropy −Σ p ln p in nats; 0 ln 0 counts as 0. Range 0 … ln n.
 *
 * @param p adds up to 1; NaN in it gives NaN
 */
export function entropyOf(p: ArrayLike<number>): number {
  let entropy = 0;
  for (let i = 0; i < p.length; i++) {
    if (p[i] !== 0) entropy -= p[i]! * Math.log(p[i]!);
  }
  return entropy;
}
