// Shares of a total.
import { totalLoad } from "./max-violation.ts";

/**
 * Every value divided by the sum of all: how the assignments (or the gate mass) of a layer are spread over its experts, F_e = n_e / Σ n.
 *
 * @param values none negative
 * @returns shares that add up to 1; all NaN when the values add up to 0
 */
export function shares(values: ArrayLike<number>): Float64Array {
  const total = totalLoad(values);
  return Float64Array.from(values, (value) => (total === 0 ? Number.NaN : value / total));
}
