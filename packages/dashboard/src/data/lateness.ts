// Whether what a live run shows is late: its newest step is older than its pace explains.
import type { Bucket } from "./bucket.ts";

/** Delays that nobody would notice are not told, milliseconds. */
const UNNOTICED = 5000;
/** A step may take so many times as long as those before it: an evaluation or a checkpoint comes in between. */
const PATIENCE = 4;
/** Buckets that the pace is taken from. */
const RECENT = 8;

/**
 * @param buckets of a run that is live, any resolution
 * @param now milliseconds since the Unix epoch, by the collector's clock
 * @returns how old the newest step is, milliseconds; undefined while that is as it should be
 */
export function latenessOf(buckets: readonly Bucket[], now: number): number | undefined {
  const recent = buckets.slice(-RECENT);
  const newest = recent.at(-1);
  if (newest?.time === undefined) return undefined;
  const age = now - newest.time;
  const [first] = recent;
  const steps = (newest.lastStep ?? 0) - (first!.lastStep ?? 0);
  const pace = steps > 0 ? (newest.time - (first!.time ?? newest.time)) / steps : 0;
  return age > Math.max(UNNOTICED, PATIENCE * pace) ? age : undefined;
}
