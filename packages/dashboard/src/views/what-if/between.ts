// What is known of a mean over the steps of a bucket, when the bucket keeps sums and extremes alone.
import {
  droppedAtCapacity,
  expertCapacity,
  type Placement,
  rankImbalance,
  rankLoads,
  totalLoad,
} from "@moescope/metrics";
import type { LayerLoads } from "../../data/run-loads.ts";

/** The true mean over the steps lies between, both included; where the bucket is one step, both are exact. */
export interface Between {
  least: number;
  most: number;
}

/**
 * Assignments per step that a capacity factor would drop, Σ max(0, n_e − capacity) averaged over steps. The summand is convex in n_e: it
 * is least where every step is like the mean (Jensen), and most where every step is at one of the extremes, as often as the mean
 * wants (Edmundson-Madansky). All steps are taken to have as many assignments, as steps of a fixed batch have.
 *
 * @param factor above 0; infinite drops nothing
 */
export function droppedBetween({ mean, low, high }: LayerLoads, factor: number): Between {
  const least = droppedAtCapacity(mean, factor).assignments;
  if (low === mean) return { least, most: least };
  const capacity = expertCapacity(factor, totalLoad(mean), mean.length);
  const above = (load: number) => Math.max(0, load - capacity);
  let most = 0;
  for (let expert = 0; expert < mean.length; expert++) {
    const [bottom, top] = [low[expert]!, high[expert]!];
    const share = top > bottom ? (mean[expert]! - bottom) / (top - bottom) : 0;
    most += (1 - share) * above(bottom) + share * above(top);
  }
  // Rounding may leave the two a hair apart the wrong way where nothing varies.
  return { least, most: Math.max(least, most) };
}

/**
 * Load of the busiest rank over the mean of the ranks, averaged over steps, least when every step is like the mean;
 * at most a rank has all its experts at their highest, or all others have theirs at their lowest.
 *
 * @returns 1 … ranks; NaN where nothing was assigned
 */
export function slowdownBetween({ mean, low, high }: LayerLoads, placement: Placement): Between {
  const least = rankImbalance(mean, placement).slowdown;
  if (low === mean) return { least, most: least };
  const total = totalLoad(mean);
  const [lowest, highest] = [rankLoads(low, placement), rankLoads(high, placement)];
  const lowestTotal = totalLoad(lowest);
  const peak = Math.max(...highest.map((load, rank) => Math.min(load, total - (lowestTotal - lowest[rank]!))));
  return { least, most: Math.max(least, (peak * placement.length) / total) };
}
