// How many choices a selection bias decides.
import { routerSaturation } from "./router-saturation.ts";

/**
 * Share of the choices made with a selection bias that would not have been made without it. 0: the bias changes nothing; at most
 * min(1, (E − k) / k).
 *
 * @param withBias chosen experts, [T, K] row-major, −1 for no choice
 * @param withoutBias experts of the same tokens when the bias is left out and all else is equal
 * @returns NaN when `withBias` holds no choice
 * @throws RangeError when the two are not of the same tokens
 */
export function shareChangedByBias(withBias: ArrayLike<number>, withoutBias: ArrayLike<number>, topK: number): number {
  return 1 - routerSaturation(withoutBias, withBias, topK);
}
