// Lines of the balance view: the loss, and MaxVio as a mean over layers or layer by layer.
import type { Axis, Lines } from "../../address/address.ts";
import { type LineSeries, lineOf, lookOf, type Reading, readingOf, spreadOf } from "../../charts/line-series.ts";
import { type Arrival, arrivalOf, LOADING, sentenceWithout } from "../../data/arrival.ts";
import { type Bucket, type Layer, layerOf, meanOf, scalarOf } from "../../data/bucket.ts";
import type { RunHistory } from "../../data/run-history.ts";
import { formatRatio, formatValue } from "../../format/number.ts";
import { joinWords } from "../../format/sentence.ts";

export interface LinesModel {
  series: LineSeries[];
  /** Nothing can be drawn yet. */
  loading: boolean;
  sentence: string;
}

type RunBuckets = Pick<RunHistory, "chosen" | "buckets" | "lead" | "status">;

/**
 * The loss of each run over x: mean of each bucket, extremes as a band.
 *
 * @param step the step cursor, which the sentence is about
 */
export function lossModel(runs: readonly RunBuckets[], axis: Axis, step: number): LinesModel {
  const series = runs.map((run) =>
    lineOf(run, axis, lookOf(run.chosen), (bucket) => readingOf(scalarOf(bucket, "loss"))),
  );
  return linesModel(runs, series, (arrival) => lossSentence(series, arrival, step));
}

/**
 * MaxVio (batch) of each run over x: mean over layers with the band from the lowest to the highest layer; the median with the band from the
 * 5th to the 95th percentile; or one line a layer.
 */
export function maxViolationModel(runs: readonly RunBuckets[], axis: Axis, lines: Lines, step: number): LinesModel {
  const summary = lines === "spread" ? layerSpread : layerMean;
  const series = runs.flatMap((run) =>
    lines === "layers" ? layerSeries(run, axis) : [lineOf(run, axis, lookOf(run.chosen), summary)],
  );
  return linesModel(runs, series, (arrival) => maxViolationSentence(runs, arrival, step));
}

/** While any run is on its way a sentence would compare too few; what is here is drawn. */
function linesModel(
  runs: readonly RunBuckets[],
  series: LineSeries[],
  sentenceOf: (arrival: Arrival) => string,
): LinesModel {
  const arrival = arrivalOf(runs.map(({ status }) => status));
  const loading = arrival === "loading" && series.every(({ points }) => points.length === 0);
  return { series, loading, sentence: arrival === "loading" ? LOADING : sentenceOf(arrival) };
}

function layerMean(bucket: Bucket): Reading | undefined {
  const layers = reportingLayers(bucket);
  if (layers.length === 0) return undefined;
  return {
    y: layers.reduce((sum, layer) => sum + meanOf(layer.maxViolation), 0) / layers.length,
    low: Math.min(...layers.map((layer) => layer.maxViolation?.min ?? 0)),
    high: Math.max(...layers.map((layer) => layer.maxViolation?.max ?? 0)),
  };
}

function layerSpread(bucket: Bucket): Reading | undefined {
  return spreadOf(reportingLayers(bucket).map((layer) => meanOf(layer.maxViolation)));
}

function reportingLayers(bucket: Bucket | undefined): Layer[] {
  return (bucket?.layers ?? []).filter((layer) => layer.maxViolation?.values);
}

/** Layers of one run share its colour: deeper layers are stronger. */
function layerSeries(run: RunBuckets, axis: Axis): LineSeries[] {
  const layers = run.chosen.run.moeLayers ?? [];
  return layers.map((layer, depth) => ({
    ...lineOf(run, axis, lookOf(run.chosen, layer), (bucket) =>
      readingOf(layerOf(bucket, layer)?.maxViolation ?? undefined),
    ),
    opacity: 0.35 + (0.65 * (depth + 1)) / layers.length,
  }));
}

function lossSentence(series: readonly LineSeries[], arrival: Arrival, step: number): string {
  const ends = series.flatMap(({ label, points, lead }) => {
    const point = [...lead, ...points].findLast(({ firstStep }) => firstStep <= step);
    return point === undefined ? [] : [{ label, ...point }];
  });
  if (ends.length === 0) return sentenceWithout(arrival, "No loss has arrived for this split yet.");
  const parts = ends.map(({ label, y, lastStep }) => `${label} is at ${formatValue(y)} at step ${lastStep}`);
  return `${joinWords(parts)}${difference(ends)}.`;
}

function difference(ends: readonly { label: string; y: number; lastStep: number }[]): string {
  const [a, b] = ends;
  if (ends.length !== 2 || a!.lastStep !== b!.lastStep || !Number.isFinite(a!.y - b!.y)) return "";
  const gap = Math.abs(a!.y - b!.y);
  if (gap < 0.0005) return ": no difference";
  return `: ${(a!.y < b!.y ? a! : b!).label} is ${formatValue(gap)} lower`;
}

function maxViolationSentence(runs: readonly RunBuckets[], arrival: Arrival, step: number): string {
  const parts = runs.flatMap(({ chosen, buckets, lead }) => {
    const bucket = [...lead, ...buckets].findLast(({ firstStep }) => (firstStep ?? 0) <= step);
    const layers = reportingLayers(bucket);
    if (layers.length === 0) return [];
    const mean = layers.reduce((sum, layer) => sum + meanOf(layer.maxViolation), 0) / layers.length;
    const worst = layers.reduce((a, b) => (meanOf(a.maxViolation) >= meanOf(b.maxViolation) ? a : b));
    const worstPart = `layer ${worst.layer ?? 0} is the worst with ${formatRatio(meanOf(worst.maxViolation))}`;
    return [`${formatRatio(mean)} in ${chosen.label} at step ${bucket!.lastStep ?? 0} (${worstPart})`];
  });
  if (parts.length === 0) return sentenceWithout(arrival, "No MoE layer has reported for this split yet.");
  return `Averaged over layers: ${joinWords(parts)}.`;
}
