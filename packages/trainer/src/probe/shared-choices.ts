// How much two sets of choices have in common.

/**
 * Share of the choices in `these` that the same token has in `others` too, whatever their order; NaN when there are none.
 *
 * @param these int32 [T, K] row-major, −1 for none; `others` likewise
 */
export function sharedChoices(these: Int32Array, others: Int32Array, choices: number): number {
  let all = 0;
  let shared = 0;
  for (let at = 0; at < these.length; at++) {
    if (these[at]! < 0) continue;
    all++;
    const first = at - (at % choices);
    for (let other = first; other < first + choices; other++) {
      if (others[other] === these[at]) {
        shared++;
        break;
      }
    }
  }
  return shared / all;
}
