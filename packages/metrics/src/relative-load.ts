// Relative load: an expert's share against the balanced share.
import { meanLoad } from "./max-violation.ts";

/**
 * Relative load of each expert, n_e / mean(n) (arXiv 2412.19437, figure 9). 1 is balanced, E/k the most possible.
 *
 * @param counts token-to-expert assignments n_e, one for each expert
 * @returns one value for each expert; all NaN when nothing was assigned
 */
export function relativeLoad(counts: ArrayLike<number>): Float64Array {
  const mean = meanLoad(counts);
  return Float64Array.from(counts, (count) => (mean === 0 ? Number.NaN : count / mean));
}
