// How the gate weights are spread over the experts: who is listened to, beside who is chosen.
import { deadExperts } from "./dead-experts.ts";
import { shares } from "./shares.ts";

/**
 * Share of each expert in all gate mass: the sum of its gate weights over tokens, divided by that of all experts (the importance of
 * arXiv 1701.06538, normalised). 1/E is balanced; k or a gate scale makes no difference.
 *
 * @param gateMass Σ over tokens of the gate weight given to each expert
 * @returns shares that add up to 1; all NaN when there is no gate mass
 */
export function gateMassShare(gateMass: ArrayLike<number>): Float64Array {
  return shares(gateMass);
}

/**
 * How much experts are listened to for the load that they have: the share of an expert in all gate mass over its share in all load. 1 where
 * its tokens give it the weight that tokens give to experts on average.
 *
 * @param gateMass Σ over tokens of the gate weight given to each expert
 * @param counts assignments n_e of each expert, of the same tokens
 * @returns NaN for an expert without load, and for all when there is no gate mass
 * @throws RangeError when the lengths differ
 */
export function gateMassPerLoad(gateMass: ArrayLike<number>, counts: ArrayLike<number>): Float64Array {
  if (gateMass.length !== counts.length) {
    throw new RangeError(`gate mass of ${gateMass.length} experts, counts of ${counts.length}`);
  }
  const [masses, loads] = [shares(gateMass), shares(counts)];
  return masses.map((mass, expert) => (loads[expert] === 0 ? Number.NaN : mass / loads[expert]!));
}

/**
 * Experts that tokens are sent to and next to nothing is made of: not dead by their load, and dead by their gate mass, by the same rule.
 *
 * @param gateMass Σ over tokens of the gate weight given to each expert
 * @param counts assignments n_e of each expert, of the same tokens
 * @returns ascending indices
 */
export function unheardExperts(gateMass: ArrayLike<number>, counts: ArrayLike<number>): number[] {
  const dead = new Set(deadExperts(counts));
  return deadExperts(gateMass).filter((expert) => !dead.has(expert));
}
