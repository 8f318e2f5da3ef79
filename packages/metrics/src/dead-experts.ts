// Experts that (almost) no token reaches.
import { meanLoad } from "./max-violation.ts";

/** An expert is dead when its load is below this share of the mean load (a choice, see tools/decisions). */
export const DEAD_BELOW_SHARE = 0.01;

/**
 * Indices of dead experts: n_e < share × mean(n), or no assignment at all.
 *
 * @param counts assignments n_e of each expert, of one step or summed over a window
 * @param share threshold as a share of the mean load
 * @returns ascending indices; empty when nothing was assigned at all (no evidence against any expert)
 */
export function deadExperts(counts: ArrayLike<number>, share = DEAD_BELOW_SHARE): number[] {
  const mean = meanLoad(counts);
  const threshold = share * mean;
  const dead: number[] = [];
  if (mean === 0) return dead;
  // A loop: this runs for every layer of every step that a collector takes in.
  for (let expert = 0; expert < counts.length; expert++) {
    if (counts[expert] === 0 || counts[expert]! < threshold) dead.push(expert);
  }
  return dead;
}
