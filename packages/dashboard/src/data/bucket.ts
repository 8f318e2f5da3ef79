// Questions asked of one bucket of a run's history.
import { layerLoad, relativeLoad, totalLoad } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import type { Axis } from "../address/address.ts";

export type Bucket = v1.StepBucket.$Properties;
export type Layer = v1.LayerSummary.$Properties;

/** @returns the summary of a scalar, if the bucket has any value of it, NaN included */
export function scalarOf(bucket: Bucket, name: string): v1.ScalarSummary.$Properties | undefined {
  return bucket.scalars?.find((scalar) => scalar.name === name);
}

/** @returns mean of the values that are numbers; NaN when there is none */
export function meanOf(summary: v1.ScalarSummary.$Properties | undefined): number {
  return summary?.values ? (summary.sum ?? 0) / summary.values : Number.NaN;
}

export function layerOf(bucket: Bucket, layer: number): Layer | undefined {
  return bucket.layers?.find((summary) => (summary.layer ?? 0) === layer);
}

/** Place of a bucket on the x axis: its last step, the tokens seen by then, or the milliseconds since the run began. */
export function positionOf(bucket: Bucket, axis: Axis, startedAt: number): number {
  if (axis === "tokens") return bucket.tokens ?? 0;
  if (axis === "time") return Math.max(0, (bucket.time ?? 0) - startedAt);
  return bucket.lastStep ?? 0;
}

/** Load of one layer's experts over a bucket, all categories together. */
export interface LayerLoad {
  /** n_e summed over the bucket, one for each expert. */
  counts: Float64Array;
  /** n_e / mean(n), one for each expert; NaN when nothing was assigned. */
  relative: Float64Array;
  /** Σ n_e. */
  total: number;
}

const loads = new WeakMap<Layer, LayerLoad>();

/** @returns undefined when the message does not carry the layer's counts; remembered for as long as the message lives */
export function loadOf(layer: Layer | undefined): LayerLoad | undefined {
  if (!layer?.categories?.length) return undefined;
  let load = loads.get(layer);
  if (load === undefined) {
    const counts = layerLoad(layer);
    load = { counts, relative: relativeLoad(counts), total: totalLoad(counts) };
    loads.set(layer, load);
  }
  return load;
}
