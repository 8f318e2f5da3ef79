// Several metrics of one histogram at once.
import { DEAD_BELOW_SHARE, deadExperts } from "./dead-experts.ts";
import { totalLoad } from "./max-violation.ts";

export interface LoadSummary {
  /** As `maxViolation`. */
  maxViolation: number;
  /** As `busiestExpert`. */
  busiestExpert: number;
  /** How many `deadExperts` there are. */
  deadExperts: number;
}

/**
 * What `maxViolation`, `busiestExpert` and `deadExperts` say, in two passes: a collector asks for every layer of every step.
 *
 * @param counts assignments n_e of each expert
 */
export function summarizeLoad(counts: ArrayLike<number>): LoadSummary {
  let [busiest, most, least] = [-1, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let expert = 0; expert < counts.length; expert++) {
    const count = counts[expert]!;
    if (count < least) least = count;
    if (count > most) {
      most = count;
      busiest = expert;
    }
  }
  const total = totalLoad(counts);
  const mean = total / counts.length;
  const anyDead = least === 0 || least < DEAD_BELOW_SHARE * mean;
  return {
    maxViolation: total === 0 ? Number.NaN : (most - mean) / mean,
    busiestExpert: busiest,
    deadExperts: anyDead ? deadExperts(counts).length : 0,
  };
}
