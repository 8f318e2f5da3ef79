// What is known of one run over its steps.
import type { SplitName } from "../api/client.ts";
import type { Arrival } from "./arrival.ts";
import type { Bucket } from "./bucket.ts";

export interface RunTimeline {
  run: string;
  /** Split of the buckets, and the layer whose counts they carry. */
  split: SplitName;
  layer: number | undefined;
  /** Layer whose counts are on their way or here; undefined: none is needed. */
  wanted: number | undefined;
  /** The attempt that the buckets are of; undefined: of overlapping attempts the newest. */
  attempt: number | undefined;
  status: Arrival;
  error: string | undefined;
  buckets: readonly Bucket[];
  /** Steps in a bucket. */
  width: number;
  /** The newest step that came live, with the counts of every layer; undefined while no view shows them. */
  newest: Bucket | undefined;
}
