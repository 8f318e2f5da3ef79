// Which experts work on the same tokens.
import { tokensIn } from "./choices.ts";

/**
 * N_ij of one batch: tokens that chose both experts; on the diagonal N_i, tokens that chose the expert. Add batches up with
 * `sumHistograms`.
 *
 * @param choices chosen experts, [T, K] row-major, −1 for no choice
 * @returns [E, E] row-major, symmetric
 * @throws RangeError when an expert is not one of the E, or the choices are no whole number of tokens
 */
export function coActivationCounts(choices: ArrayLike<number>, topK: number, experts: number): Float64Array {
  const pairs = new Float64Array(experts * experts);
  const tokens = tokensIn(choices, topK);
  for (let place = 0; place < tokens * topK; place++) {
    const expert = choices[place]!;
    if (expert >= experts) throw new RangeError(`expert ${expert} was chosen; there are ${experts}`);
    if (expert < 0) continue;
    const token = Math.floor(place / topK);
    for (let other = token * topK; other < (token + 1) * topK; other++) {
      if (choices[other]! >= 0) pairs[expert * experts + choices[other]!]!++;
    }
  }
  return pairs;
}

/**
 * Expert co-activation N_ij / N_i (OLMoE, arXiv 2409.02060 §5.2): of the tokens that chose expert i, the share that chose j too. Not
 * symmetric. Range 0 … 1; (k − 1) / (E − 1) by chance; the diagonal is 1, and the rest of a row adds up to k − 1.
 *
 * @param pairs what `coActivationCounts` gave, of one batch or of many added up
 * @returns [E, E] row-major; the row of an expert that no token chose is all NaN
 * @throws RangeError when `pairs` is not square
 */
export function coActivation(pairs: ArrayLike<number>): Float64Array {
  const experts = Math.sqrt(pairs.length);
  if (!Number.isInteger(experts)) throw new RangeError(`${pairs.length} pair counts are no square of experts`);
  return Float64Array.from(pairs, (count, at) => {
    const expert = Math.floor(at / experts);
    return count / (pairs[expert * experts + expert] || Number.NaN);
  });
}
