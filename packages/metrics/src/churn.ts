// How much a router's choices for fixed tokens changed between two times.
import { choicesMade, sharedChoices, tokensInBoth } from "./choices.ts";
import { routerSaturation } from "./router-saturation.ts";

/** Each a share, 0 … 1: 0 when nothing changed. NaN when there are no tokens, or nothing is chosen. */
export interface Churn {
  /** Tokens whose first choice is another expert: the routing fluctuation of StableMoE (arXiv 2204.08396). */
  firstChoice: number;
  /** Tokens that go to another set of experts; their order makes no difference. */
  set: number;
  /** Choices that were not made before: 1 − router saturation. */
  choices: number;
}

/**
 * @param before chosen experts, [T, K] row-major, −1 for no choice
 * @param after the same of the same tokens
 * @throws RangeError when the two are not of the same tokens
 */
export function churn(before: ArrayLike<number>, after: ArrayLike<number>, topK: number): Churn {
  const tokens = tokensInBoth(before, after, topK);
  let first = 0;
  let set = 0;
  for (let token = 0; token < tokens; token++) {
    if (before[token * topK] !== after[token * topK]) first++;
    const made = Math.max(choicesMade(before, token, topK), choicesMade(after, token, topK));
    if (sharedChoices(before, after, token, topK) < made) set++;
  }
  return { firstChoice: first / tokens, set: set / tokens, choices: 1 - routerSaturation(before, after, topK) };
}
