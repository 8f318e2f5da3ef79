// Which categories of tokens go to which experts. A row is a category, a column an expert.
import { shares } from "./shares.ts";
import { sumHistograms } from "./window.ts";

/**
 * Relative expert load R(e, D) = n_e^D / (k · T_D / E) of every category D (arXiv 2412.19437, figure 9). 1 is the balanced load of the
 * category, E/k the most possible. Where nothing is dropped, a row is `relativeLoad` of the category's counts.
 *
 * @param counts one histogram for each category
 * @param tokens T_D, one for each category
 * @returns one row for each category; all NaN for a category without tokens
 * @throws RangeError when rows and tokens do not fit together
 */
export function relativeLoadByCategory(
  counts: readonly ArrayLike<number>[],
  tokens: ArrayLike<number>,
  topK: number,
): Float64Array[] {
  const specialisation = domainSpecialisation(counts, tokens);
  return specialisation.map((row) => row.map((share) => (share * row.length) / topK));
}

/**
 * Domain specialisation n_e^D / T_D: the share of a category's tokens that reach the expert (OLMoE, arXiv 2409.02060 §5.3; "expert
 * load" in dots.llm1, arXiv 2506.05767). Range 0 … 1, k/E by chance; a row adds up to k where nothing is dropped.
 *
 * @param counts one histogram for each category
 * @param tokens T_D, one for each category
 * @returns one row for each category; all NaN for a category without tokens
 * @throws RangeError when rows and tokens do not fit together
 */
export function domainSpecialisation(counts: readonly ArrayLike<number>[], tokens: ArrayLike<number>): Float64Array[] {
  checkRows(counts);
  if (counts.length !== tokens.length) {
    throw new RangeError(`counts of ${counts.length} categories and tokens of ${tokens.length} do not fit together`);
  }
  return counts.map((row, category) => Float64Array.from(row, (count) => count / (tokens[category] || Number.NaN)));
}

/**
 * How each category spreads over the experts: its assignments to an expert, divided by all its assignments (the token pathways of
 * MoE-LLaVA, arXiv 2401.15947).
 *
 * @param counts one histogram for each category
 * @returns one row for each category that adds up to 1; all NaN for a category without assignments
 * @throws RangeError when the lengths differ
 */
export function expertShares(counts: readonly ArrayLike<number>[]): Float64Array[] {
  checkRows(counts);
  return counts.map(shares);
}

/**
 * What each expert is made of: the share of each category in it, after the categories are rescaled to weigh the same, so that a large
 * category does not fill every expert (MoE-LLaVA, arXiv 2401.15947, multiplies by T_image / T_text). Equal shares mean that the expert
 * does not care for the category.
 *
 * @param counts one histogram for each category; a category without assignments has no share anywhere
 * @returns one row for each category; a column adds up to 1, or is all NaN for an expert that nothing was assigned to
 * @throws RangeError when the lengths differ
 */
export function categoryShares(counts: readonly ArrayLike<number>[]): Float64Array[] {
  const rows = expertShares(counts).map((row) => row.map((share) => share || 0));
  const ofExpert = sumHistograms(rows);
  return rows.map((row) => row.map((share, expert) => share / (ofExpert[expert] || Number.NaN)));
}

function checkRows(counts: readonly ArrayLike<number>[]): void {
  const other = counts.find(({ length }) => length !== counts[0]!.length);
  if (other)
    throw new RangeError(`categories with ${counts[0]!.length} and ${other.length} experts cannot be compared`);
}
