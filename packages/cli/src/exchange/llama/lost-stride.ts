// Whether the ids of a pass were read as if tokens lay side by side.
//
// `ffn_moe_topk` is a view of all experts sorted by score, of which a token's row begins where the experts of the one before end. Read
// without that stride, the ids are the first token's whole order, then the second's: the first E of them are E different experts, where
// E / k tokens that chose for themselves nearly always share some.

/** Below this chance that tokens choose so, they did not. */
const CHANCE = 1e-6;

/** @param layers ids in the order of the file, k for each token */
export function lostStride(
  layers: ReadonlyMap<number, readonly number[]>,
  { topK, experts: E }: { topK: number; experts: number },
): boolean {
  let logChance = 0;
  for (const ids of layers.values()) {
    const order = ids.slice(0, E);
    if (new Set(order).size < order.length) return false;
    logChance += logChanceOfDifferent(Math.floor(order.length / topK), topK, E);
  }
  return logChance < Math.log(CHANCE);
}

/** Of tokens that choose k of E evenly: ∏_t C(E - tk, k) / C(E, k). Uneven choices share experts more often. */
function logChanceOfDifferent(tokens: number, k: number, E: number): number {
  let sum = 0;
  for (let token = 1; token < tokens; token++) {
    for (let choice = 0; choice < k; choice++) sum += Math.log((E - token * k - choice) / (E - choice));
  }
  return sum;
}
