// How much of a router's final choices an earlier router made already.
import { choicesMade, sharedChoices, tokensInBoth } from "./choices.ts";

/**
 * Router saturation (OLMoE, arXiv 2409.02060 §5.1): mean over tokens of |E_t ∩ E_T| / k, with E_t and E_T the experts chosen for the
 * same token at an earlier time t and at a later time T. 1: the router has settled; k/E by chance. Where tokens choose different
 * numbers of experts: the share of all later choices that were made earlier too.
 *
 * @param earlier chosen experts, [T, K] row-major, −1 for no choice
 * @param later the same of the same tokens
 * @returns 0 … 1; NaN when `later` holds no choice
 * @throws RangeError when the two are not of the same tokens
 */
export function routerSaturation(earlier: ArrayLike<number>, later: ArrayLike<number>, topK: number): number {
  const tokens = tokensInBoth(earlier, later, topK);
  let shared = 0;
  let made = 0;
  for (let token = 0; token < tokens; token++) {
    shared += sharedChoices(later, earlier, token, topK);
    made += choicesMade(later, token, topK);
  }
  return shared / made;
}
