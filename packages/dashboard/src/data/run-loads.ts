// Loads of every layer of a run over its steps, packed so that a slider can be moved over them.
import { sumHistograms } from "@moescope/metrics";
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

/** Counts in one answer: decoding them takes a browser about 10 ms, so the page stays smooth while several come. */
const ANSWER_COUNTS = 400_000;
/** Counts of one run in all. */
const RUN_COUNTS = 3_000_000;
const MOST_POINTS = 400;
const FEWEST_POINTS = 32;

type Description = v1.RunDescription.$Properties;

/**
 * The requests for all layers of a run, some layers in each: as many points as are worth their bytes.
 *
 * @param steps first and last, both included
 */
export function loadQueries(run: Description, split: SplitName, [from, to]: readonly [number, number]): HistoryQuery[] {
  const { id = "", moeLayers = [], experts = 0, categories = [] } = run;
  // A layer carries the counts of each category, the lowest, the highest, and the selection bias.
  const layerCounts = Math.max(1, experts * (categories.length + 3));
  const affordable = Math.floor(RUN_COUNTS / (layerCounts * Math.max(1, moeLayers.length)));
  const points = Math.min(MOST_POINTS, Math.max(FEWEST_POINTS, affordable));
  const together = Math.max(1, Math.floor(ANSWER_COUNTS / (layerCounts * Math.min(points, to - from + 1))));
  const parts = Array.from({ length: Math.ceil(moeLayers.length / together) }, (_, part) =>
    moeLayers.slice(part * together, (part + 1) * together),
  );
  return parts.map((layers) => ({ run: id, split, from, to, points, layers }));
}

/** @returns a bucket without its layers: its place alone */
export function placeOf({ layers: _, scalars: __, ...place }: Bucket): Bucket {
  return place;
}

/** @returns undefined where the layer did not report */
export function layerLoads(bucket: Bucket, layer: number): LayerLoads | undefined {
  const summary = layerOf(bucket, layer);
  if (!summary?.categories?.length) return undefined;
  const sum = sumHistograms(summary.categories.map(({ counts }) => counts ?? []));
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

/** Takes the answers to `loadQueries` as they come, so that no more than one of them is held unpacked. */
export class LoadsPacker {
  readonly #layers: readonly number[];
  readonly #rows = new Map<number, { place: Bucket; loads: (LayerLoads | undefined)[] }>();
  #width = 1;

  constructor({ moeLayers = [] }: Description) {
    this.#layers = moeLayers;
  }

  add({ buckets, bucketWidth }: v1.History, layers: readonly number[]): void {
    this.#width = bucketWidth || 1;
    for (const bucket of buckets) {
      const row = this.#row(bucket);
      for (const layer of layers) row.loads[this.#layers.indexOf(layer)] = layerLoads(bucket, layer);
    }
  }

  /** Everything added so far. */
  packed(): RunLoads {
    const rows = [...this.#rows].sort(([a], [b]) => a - b).map(([, row]) => row);
    return {
      width: this.#width,
      layers: this.#layers,
      places: rows.map(({ place }) => place),
      loads: rows.map(({ loads }) => loads),
    };
  }

  #row(bucket: Bucket) {
    const first = bucket.firstStep ?? 0;
    let row = this.#rows.get(first);
    if (row === undefined) {
      row = { place: placeOf(bucket), loads: this.#layers.map(() => undefined) };
      this.#rows.set(first, row);
    }
    return row;
  }
}
