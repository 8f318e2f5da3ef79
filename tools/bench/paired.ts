// Differences between two ways of doing the same thing, measured in pairs so that what slows the machine down slows both.
import { quantile } from "@moescope/metrics";

export interface PairedDifference {
  /** Median of the differences, and the 95 % interval of that median. */
  median: number;
  low: number;
  high: number;
  /** Quartiles of the differences: how far single pairs scatter. */
  p25: number;
  p75: number;
}

/**
 * The interval is that of the sign test: it supposes nothing of how the differences are distributed.
 *
 * @param differences one for each pair; fewer than 6 cannot give an interval of 95 %, and the extremes stand for it
 */
export function pairedDifference(differences: readonly number[]): PairedDifference {
  const sorted = [...differences].sort((a, b) => a - b);
  const pairs = sorted.length;
  const rank = Math.max(0, Math.floor((pairs - 1.96 * Math.sqrt(pairs)) / 2) - 1);
  return {
    median: quantile(sorted, 0.5),
    low: sorted[rank]!,
    high: sorted[pairs - 1 - rank]!,
    p25: quantile(sorted, 0.25),
    p75: quantile(sorted, 0.75),
  };
}
