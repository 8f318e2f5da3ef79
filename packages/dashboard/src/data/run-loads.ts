// Loads of every layer of a run over its steps, packed so that a slider can be moved over them.
import { layerLoad } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import type { HistoryQuery, SplitName } from "../api/client.ts";
import { type Bucket, layerOf } from "./bucket.ts";

/** Loads of one layer in one bucket, a value for each expert. */
export interface LayerLoads {
  /** n_e per step: the mean over the steps of the bucket. */
  mean: Float64Array;
  /** Lowest and highest n_e of any one step. Where the bucket is one step, the same object as `mean`. */
  low: Float64Array;
  high: Float64Array;
  /** Assignments per step that the run itself dropped: they are missing in the counts. */
  dropped: number;
}

export interface RunLoads {
  /** Steps in a bucket. */
  width: number;
  /** Where the buckets are; without their layers. */
  places: readonly Bucket[];
  /** The run's MoE layers, ascending. */
  layers: readonly number[];
  /** [bucket][layer]; undefined where a layer did not report. */
  loads: readonly (readonly (LayerLoads | undefined)[])[];
}

/** Counts of a run in one answer: a browser decodes them in about 50 ms. */
const RUN_COUNTS = 2_000_000;
const MOST_POINTS = 400;
const FEWEST_POINTS = 32;

type Description = v1.RunDescription.$Properties;
type LoadQuery = HistoryQuery & { from: number; to: number; points: number };

/**
 * The request for all layers of a run: as many points as are worth their bytes.
 *
 * @param steps first and last, both included
 * @returns undefined for a run without MoE layers
 */
export function loadQuery(
  run: Description,
  split: SplitName,
  [from, to]: readonly [number, number],
): LoadQuery | undefined {
  const { id = "", moeLayers = [], experts = 0 } = run;
  if (moeLayers.length === 0) return undefined;
  // A layer carries the counts of all categories together, the lowest, the highest, and the selection bias.
  const pointCounts = Math.max(1, experts * 4 * moeLayers.length);
  const points = Math.min(MOST_POINTS, Math.max(FEWEST_POINTS, Math.floor(RUN_COUNTS / pointCounts)));
  return { run: id, split, from, to, points, layers: "all", categories: "together" };
}

/**
 * What is missing in loads that end earlier.
 *
 * @param query the same question with a later end
 * @returns a request that answers in buckets of the same width, the last known one again; undefined where the width is another, or the
 *   known loads end later
 */
export function growthQuery(known: RunLoads, query: LoadQuery): LoadQuery | undefined {
  const { firstStep: from, lastStep = 0 } = known.places.at(-1) ?? {};
  const slots = (first: number, width: number) => Math.floor(query.to / width) - Math.floor(first / width) + 1;
  if (from === undefined || lastStep > query.to || slots(query.from, known.width) > query.points) return undefined;
  return { ...query, from, points: slots(from, known.width) };
}

/** @returns a bucket without its layers: its place alone */
export function placeOf({ layers: _, scalars: __, ...place }: Bucket): Bucket {
  return place;
}

/** @returns undefined where the layer did not report */
export function layerLoads(bucket: Bucket, layer: number): LayerLoads | undefined {
  const summary = layerOf(bucket, layer);
  if (!summary?.categories?.length) return undefined;
  const sum = layerLoad(summary);
  const steps = Math.max(1, bucket.steps ?? 1);
  const dropped = (summary.dropped ?? 0) / steps;
  if (steps === 1) return { mean: sum, low: sum, high: sum, dropped };
  return {
    mean: sum.map((count) => count / steps),
    low: Float64Array.from(summary.countsMin ?? []),
    high: Float64Array.from(summary.countsMax ?? []),
    dropped,
  };
}

/** @returns the answer to a `loadQuery`, unpacked no longer than it takes */
export function packLoads({ moeLayers = [] }: Description, { buckets, bucketWidth }: v1.History): RunLoads {
  return {
    width: bucketWidth || 1,
    layers: moeLayers,
    places: buckets.map(placeOf),
    loads: buckets.map((bucket) => moeLayers.map((layer) => layerLoads(bucket, layer))),
  };
}

/** @param added the answer to a `growthQuery`: its first bucket takes the place of the last known one */
export function grownLoads(known: RunLoads, added: RunLoads): RunLoads {
  return {
    ...known,
    places: [...known.places.slice(0, -1), ...added.places],
    loads: [...known.loads.slice(0, -1), ...added.loads],
  };
}
