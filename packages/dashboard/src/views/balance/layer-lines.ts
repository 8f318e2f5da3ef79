// Lines of a metric that every layer has: its mean over layers, its spread, or each layer.
import type { Axis, Lines } from "../../address/address.ts";
import { type LineSeries, lineOf, lookOf, type Reading, spreadOf } from "../../charts/line-series.ts";
import { type Arrival, arrivalOf, LOADING, sentenceWithout } from "../../data/arrival.ts";
import type { Bucket } from "../../data/bucket.ts";
import type { RunHistory } from "../../data/run-history.ts";
import { joinWords } from "../../format/sentence.ts";

/** What the models of this view make of the runs. */
export interface LinesModel {
  series: LineSeries[];
  /** Nothing can be drawn yet. */
  loading: boolean;
  sentence: string;
}

export type RunBuckets = Pick<RunHistory, "chosen" | "buckets" | "lead" | "status">;

/** A metric of one layer in a bucket: its mean over the steps and its extremes. */
export interface LayerReading extends Reading {
  layer: number;
}

/** @returns the layers of a bucket that the metric says something about */
export type ReadLayers = (bucket: Bucket) => readonly LayerReading[];

/** The mean with the band from the lowest to the highest layer and step; the median with the band from p5 to p95 of the layers; or a line a layer. */
export function layerLines(runs: readonly RunBuckets[], axis: Axis, lines: Lines, read: ReadLayers): LineSeries[] {
  const summary = lines === "spread" ? layerSpread : layerMean;
  return runs.flatMap((run) =>
    lines === "layers"
      ? eachLayer(run, axis, read)
      : [lineOf(run, axis, lookOf(run.chosen), (bucket) => remembered(read, summary, bucket))],
  );
}

type Summarise = (layers: readonly LayerReading[]) => Reading | undefined;
const memory = new WeakMap<ReadLayers, WeakMap<Summarise, WeakMap<Bucket, { reading: Reading | undefined }>>>();

/** A live run adds one bucket to hundreds: those are summarised once. */
function remembered(read: ReadLayers, summarise: Summarise, bucket: Bucket): Reading | undefined {
  const ofRead = memory.get(read) ?? new WeakMap();
  memory.set(read, ofRead);
  const buckets = ofRead.get(summarise) ?? new WeakMap();
  ofRead.set(summarise, buckets);
  const known = buckets.get(bucket) ?? { reading: summarise(read(bucket)) };
  buckets.set(bucket, known);
  return known.reading;
}

function layerMean(layers: readonly LayerReading[]): Reading | undefined {
  if (layers.length === 0) return undefined;
  return {
    y: meanOver(layers),
    low: Math.min(...layers.map(({ low }) => low)),
    high: Math.max(...layers.map(({ high }) => high)),
  };
}

function layerSpread(layers: readonly LayerReading[]): Reading | undefined {
  return spreadOf(layers.map(({ y }) => y));
}

/** Layers of one run share its colour: deeper layers are stronger. */
function eachLayer(run: RunBuckets, axis: Axis, read: ReadLayers): LineSeries[] {
  const layers = run.chosen.run.moeLayers ?? [];
  return layers.map((layer, depth) => ({
    ...lineOf(run, axis, lookOf(run.chosen, layer), (bucket) => read(bucket).find((each) => each.layer === layer)),
    opacity: 0.35 + (0.65 * (depth + 1)) / layers.length,
  }));
}

export function meanOver(layers: readonly LayerReading[]): number {
  return layers.reduce((sum, { y }) => sum + y, 0) / layers.length;
}

/** While any run is on its way a sentence would compare too few; what is here is drawn. */
export function linesModel(
  runs: readonly RunBuckets[],
  series: LineSeries[],
  sentenceOf: (arrival: Arrival) => string,
): LinesModel {
  const arrival = arrivalOf(runs.map(({ status }) => status));
  const loading = arrival === "loading" && series.every(({ points }) => points.length === 0);
  return { series, loading, sentence: arrival === "loading" ? LOADING : sentenceOf(arrival) };
}

/**
 * The metric at the step cursor, run by run, with the layer that is worst.
 *
 * @param words.start "Averaged over layers"
 * @param words.worst of two readings, which layer is worse
 * @param words.empty what to say when no layer has reported
 */
export function layersSentence(
  runs: readonly RunBuckets[],
  read: ReadLayers,
  step: number,
  arrival: Arrival,
  words: { start: string; empty: string; format: (value: number) => string; worst: "highest" | "lowest" },
): string {
  const parts = runs.flatMap(({ chosen, buckets, lead }) => {
    const bucket = [...lead, ...buckets].findLast(({ firstStep }) => (firstStep ?? 0) <= step);
    const layers = bucket === undefined ? [] : read(bucket);
    if (layers.length === 0) return [];
    const worse = (a: LayerReading, b: LayerReading) => (words.worst === "highest" ? a.y >= b.y : a.y <= b.y);
    const worst = layers.reduce((a, b) => (worse(a, b) ? a : b));
    const mean = meanOver(layers);
    const worstPart = worst.y === mean ? "" : ` (layer ${worst.layer} is the worst with ${words.format(worst.y)})`;
    return [`${words.format(mean)} in ${chosen.label} at step ${bucket!.lastStep ?? 0}${worstPart}`];
  });
  if (parts.length === 0) return sentenceWithout(arrival, words.empty);
  return `${words.start}: ${joinWords(parts)}.`;
}
