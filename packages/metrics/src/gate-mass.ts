// How the gate weights are spread over the experts: who is listened to, beside who is chosen.
import { maxViolation } from "./max-violation.ts";
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
 * (max m − mean m) / mean m of gate mass m: what MaxVio is for counts. Above MaxVio, the busiest experts also get larger gate weights;
 * below it, balancing fills experts with tokens that hardly use them. Range 0 … E − 1.
 *
 * @param gateMass Σ over tokens of the gate weight given to each expert
 * @returns NaN when there is no gate mass
 */
export function gateMassViolation(gateMass: ArrayLike<number>): number {
  return maxViolation(gateMass);
}
