// How differently two categories use the experts.
import { totalLoad } from "./max-violation.ts";
import { mutualInformation } from "./mutual-information.ts";

/**
 * Jensen-Shannon divergence, base 2, of two categories' spreads over the experts: H((P + Q) / 2) − (H(P) + H(Q)) / 2 (Lin 1991,
 * doi 10.1109/18.61115). 0: alike; 1: no expert is shared. How many tokens each category has makes no difference.
 *
 * @param a assignments of one category, one for each expert
 * @param b the same of another
 * @returns NaN when either has no assignment
 * @throws RangeError when the lengths differ
 */
export function jensenShannonDivergence(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return totalLoad(a) === 0 || totalLoad(b) === 0 ? Number.NaN : Math.min(1, mutualInformation([a, b]));
}

/**
 * Jensen-Shannon divergence, base 2, averaged over all pairs of categories.
 *
 * @param counts one histogram for each category; categories without assignments are left out
 * @returns 0 … 1; NaN with fewer than two categories that have assignments
 * @throws RangeError when the lengths differ
 */
export function meanJensenShannonDivergence(counts: readonly ArrayLike<number>[]): number {
  const present = counts.filter((row) => totalLoad(row) > 0);
  const divergences = present.flatMap((a, i) => present.slice(i + 1).map((b) => jensenShannonDivergence(a, b)));
  return divergences.reduce((sum, divergence) => sum + divergence, 0) / divergences.length;
}
