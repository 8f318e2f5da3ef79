// Two neighbouring buckets of a history made into one: sums stay exact, extremes are kept.

import { sumHistograms } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";

type Bucket = v1.StepBucket.$Properties;
type Scalar = v1.ScalarSummary.$Properties;
type Layer = v1.LayerSummary.$Properties;
type Load = v1.CategoryLoad.$Properties;

/**
 * @param earlier bucket that ends before `later` begins, of the same run and split
 * @returns a new bucket over both; neither input is changed
 */
export function mergeBuckets(earlier: Bucket, later: Bucket): Bucket {
  return {
    ...later,
    firstStep: earlier.firstStep ?? 0,
    steps: (earlier.steps ?? 0) + (later.steps ?? 0),
    scalars: mergeBy(earlier.scalars, later.scalars, (scalar) => scalar.name ?? "", mergeScalars),
    layers: mergeBy(earlier.layers, later.layers, (layer) => layer.layer ?? 0, mergeLayers),
  };
}

/** Merges what both have under one key and keeps what only one has, in the order of the earlier, then of the later. */
function mergeBy<T, K>(earlier: T[] = [], later: T[] = [], keyOf: (item: T) => K, merge: (a: T, b: T) => T): T[] {
  const byKey = new Map(earlier.map((item) => [keyOf(item), item]));
  for (const item of later) {
    const before = byKey.get(keyOf(item));
    byKey.set(keyOf(item), before === undefined ? item : merge(before, item));
  }
  return [...byKey.values()];
}

function mergeScalars(earlier: Scalar, later: Scalar): Scalar {
  const nanValues = (earlier.nanValues ?? 0) + (later.nanValues ?? 0);
  if (!later.values) return { ...earlier, nanValues };
  if (!earlier.values) return { ...later, nanValues };
  return {
    name: later.name ?? "",
    values: earlier.values + later.values,
    sum: (earlier.sum ?? 0) + (later.sum ?? 0),
    first: earlier.first ?? 0,
    min: Math.min(earlier.min ?? 0, later.min ?? 0),
    max: Math.max(earlier.max ?? 0, later.max ?? 0),
    last: later.last ?? 0,
    nanValues,
  };
}

function mergeLayers(earlier: Layer, later: Layer): Layer {
  return {
    layer: later.layer ?? 0,
    maxViolation: mergeScalars(earlier.maxViolation ?? {}, later.maxViolation ?? {}),
    deadExperts: (earlier.deadExperts ?? 0) + (later.deadExperts ?? 0),
    tokens: (earlier.tokens ?? 0) + (later.tokens ?? 0),
    dropped: (earlier.dropped ?? 0) + (later.dropped ?? 0),
    categories: mergeBy(earlier.categories, later.categories, (load) => load.category ?? 0, mergeLoads),
    countsMin: zip(earlier.countsMin, later.countsMin, Math.min),
    countsMax: zip(earlier.countsMax, later.countsMax, Math.max),
    selectionBias: later.selectionBias?.length ? later.selectionBias : (earlier.selectionBias ?? []),
  };
}

function mergeLoads(earlier: Load, later: Load): Load {
  return {
    category: later.category ?? 0,
    counts: [...sumHistograms([earlier.counts ?? [], later.counts ?? []])],
    tokens: (earlier.tokens ?? 0) + (later.tokens ?? 0),
    dropped: (earlier.dropped ?? 0) + (later.dropped ?? 0),
  };
}

function zip(earlier: number[] = [], later: number[] = [], choose: (a: number, b: number) => number): number[] {
  if (earlier.length === 0 || later.length === 0) return earlier.length === 0 ? later : earlier;
  return later.map((value, expert) => choose(earlier[expert]!, value));
}
