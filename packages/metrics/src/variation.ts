// Coefficient of variation of expert load.
import { meanLoad } from "./max-violation.ts";

/**
 * CV = population standard deviation of n_e / mean(n_e) (arXiv 1701.06538 uses its square as a loss).
 *
 * @param counts token-to-expert assignments n_e, one for each expert
 * @returns 0 when balanced; NaN when nothing was assigned
 */
export function coefficientOfVariation(counts: ArrayLike<number>): number {
  const mean = meanLoad(counts);
  if (mean === 0) return Number.NaN;
  let squares = 0;
  for (let expert = 0; expert < counts.length; expert++) squares += (counts[expert]! - mean) ** 2;
  return Math.sqrt(squares / counts.length) / mean;
}
