// Lines of several runs over one x axis: the loss, and MaxVio as a mean over layers or layer by layer.
import type { Axis } from "../../address/address.ts";
import { type Arrival, arrivalOf, LOADING, sentenceWithout } from "../../data/arrival.ts";
import { type Bucket, layerOf, meanOf, positionOf, scalarOf } from "../../data/bucket.ts";
import type { ChosenRun } from "../../data/chosen-runs.ts";
import { formatRatio, formatValue } from "../../format/number.ts";
import { joinWords } from "../../format/sentence.ts";

export interface LinePoint {
  x: number;
  /** Mean over the bucket; NaN where there is no number. */
  y: number;
  /** Extremes within the bucket. */
  low: number;
  high: number;
  firstStep: number;
  lastStep: number;
}

export interface LineSeries {
  id: string;
  run: string;
  label: string;
  /** Index into the run colours. */
  colour: number;
  /** Set for a line of one layer. */
  layer: number | undefined;
  points: LinePoint[];
}

export interface LinesModel {
  series: LineSeries[];
  /** Nothing can be drawn yet: domains mean nothing. */
  loading: boolean;
  sentence: string;
  xDomain: readonly [number, number];
  yDomain: readonly [number, number];
}

/** A chosen run with its buckets. */
export interface RunBuckets {
  chosen: ChosenRun;
  buckets: readonly Bucket[];
  status: Arrival;
}

/**
 * The loss of each run over x: mean of each bucket, extremes as a band.
 *
 * @param step the step cursor, which the sentence is about
 */
export function lossModel(runs: readonly RunBuckets[], axis: Axis, step: number): LinesModel {
  const series = runs.map(({ chosen, buckets }) => ({
    ...seriesOf(chosen, undefined),
    points: buckets.flatMap((bucket) => pointOf(bucket, scalarOf(bucket, "loss"), axis, chosen.run.startedAt ?? 0)),
  }));
  const sentence = (arrival: Arrival) => lossSentence(series, arrival, step);
  return { ...linesModel(runs, series, axis, sentence), yDomain: yDomain(series) };
}

/** MaxVio (batch) of each run over x: mean over layers with the band from the lowest to the highest layer, or one line a layer. */
export function maxViolationModel(
  runs: readonly RunBuckets[],
  axis: Axis,
  perLayer: boolean,
  step: number,
): LinesModel {
  const series = runs.flatMap((run) => (perLayer ? layerSeries(run, axis) : [meanSeries(run, axis)]));
  const [, high] = yDomain(series);
  const sentence = (arrival: Arrival) => maxViolationSentence(runs, arrival, step);
  return { ...linesModel(runs, series, axis, sentence), yDomain: [0, high] };
}

/** While any run is on its way a sentence would compare too few; what is here is drawn. */
function linesModel(
  runs: readonly RunBuckets[],
  series: LineSeries[],
  axis: Axis,
  sentenceOf: (arrival: Arrival) => string,
): Omit<LinesModel, "yDomain"> {
  const arrival = arrivalOf(runs.map(({ status }) => status));
  const loading = arrival === "loading" && series.every(({ points }) => points.length === 0);
  const sentence = arrival === "loading" ? LOADING : sentenceOf(arrival);
  return { series, loading, sentence, xDomain: xDomain(series, axis) };
}

function meanSeries({ chosen, buckets }: RunBuckets, axis: Axis): LineSeries {
  const points = buckets.flatMap((bucket) => {
    const layers = (bucket.layers ?? []).filter((layer) => layer.maxViolation?.values);
    if (layers.length === 0) return [];
    const y = layers.reduce((sum, layer) => sum + meanOf(layer.maxViolation), 0) / layers.length;
    const low = Math.min(...layers.map((layer) => layer.maxViolation?.min ?? 0));
    const high = Math.max(...layers.map((layer) => layer.maxViolation?.max ?? 0));
    return [{ ...placeOf(bucket, axis, chosen.run.startedAt ?? 0), y, low, high }];
  });
  return { ...seriesOf(chosen, undefined), points };
}

function layerSeries({ chosen, buckets }: RunBuckets, axis: Axis): LineSeries[] {
  return (chosen.run.moeLayers ?? []).map((layer) => ({
    ...seriesOf(chosen, layer),
    points: buckets.flatMap((bucket) =>
      pointOf(bucket, layerOf(bucket, layer)?.maxViolation ?? undefined, axis, chosen.run.startedAt ?? 0),
    ),
  }));
}

function seriesOf({ id, label, colour }: ChosenRun, layer: number | undefined): Omit<LineSeries, "points"> {
  const suffix = layer === undefined ? "" : ` · layer ${layer}`;
  return { id: layer === undefined ? id : `${id}/${layer}`, run: id, label: label + suffix, colour, layer };
}

function placeOf(bucket: Bucket, axis: Axis, startedAt: number) {
  return { x: positionOf(bucket, axis, startedAt), firstStep: bucket.firstStep ?? 0, lastStep: bucket.lastStep ?? 0 };
}

/** No point where the bucket lacks the value altogether; a NaN point, which interrupts the line, where it is NaN. */
function pointOf(bucket: Bucket, summary: ReturnType<typeof scalarOf>, axis: Axis, startedAt: number): LinePoint[] {
  if (summary === undefined || (!summary.values && !summary.nanValues)) return [];
  const extremes = summary.values
    ? { low: summary.min ?? 0, high: summary.max ?? 0 }
    : { low: Number.NaN, high: Number.NaN };
  return [{ ...placeOf(bucket, axis, startedAt), y: meanOf(summary), ...extremes }];
}

/** From the first step of the first bucket, which is placed at its last. */
function xDomain(series: readonly LineSeries[], axis: Axis): [number, number] {
  const ends = series.flatMap(({ points }) =>
    points.length === 0 ? [] : [axis === "step" ? points[0]!.firstStep : points[0]!.x, points.at(-1)!.x],
  );
  if (ends.length === 0) return [0, 1];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  return low === high ? [Math.max(0, low - 1), low + 1] : [low, high];
}

/**
 * Over the means, with the extremes as far as they reach no further than a third of that range: one outlier must not press the lines
 * flat.
 */
function yDomain(series: readonly LineSeries[]): [number, number] {
  const points = series.flatMap(({ points }) => points).filter(({ y }) => Number.isFinite(y));
  if (points.length === 0) return [0, 1];
  const [low, high] = extent(points.map(({ y }) => y));
  const room = Math.max((high - low) / 3, Math.abs(high) * 0.02, 1e-6);
  const [lowest] = extent(points.map((point) => point.low));
  const [, highest] = extent(points.map((point) => point.high));
  const margin = room / 8;
  return [Math.max(lowest, low - room) - margin, Math.min(highest, high + room) + margin];
}

function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}

function lossSentence(series: readonly LineSeries[], arrival: Arrival, step: number): string {
  const ends = series.flatMap(({ label, points }) => {
    const point = points.findLast(({ firstStep }) => firstStep <= step);
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
  const parts = runs.flatMap(({ chosen, buckets }) => {
    const bucket = buckets.findLast(({ firstStep }) => (firstStep ?? 0) <= step);
    const layers = (bucket?.layers ?? []).filter((layer) => layer.maxViolation?.values);
    if (layers.length === 0) return [];
    const mean = layers.reduce((sum, layer) => sum + meanOf(layer.maxViolation), 0) / layers.length;
    const worst = layers.reduce((a, b) => (meanOf(a.maxViolation) >= meanOf(b.maxViolation) ? a : b));
    const worstPart = `layer ${worst.layer ?? 0} is the worst with ${formatRatio(meanOf(worst.maxViolation))}`;
    return [`${formatRatio(mean)} in ${chosen.label} at step ${bucket!.lastStep ?? 0} (${worstPart})`];
  });
  if (parts.length === 0) return sentenceWithout(arrival, "No MoE layer has reported for this split yet.");
  return `Averaged over layers: ${joinWords(parts)}.`;
}

/** Rows for Recharts: for each x, the mean (`y0`, `y1` …) and the extremes (`band0` …) of every series that has a point there. */
export function lineRows(series: readonly LineSeries[]): Record<string, number | number[] | null>[] {
  const rows = new Map<number, Record<string, number | number[] | null>>();
  for (const [place, { points }] of series.entries()) {
    for (const { x, y, low, high } of points) {
      const row = rows.get(x) ?? { x };
      row[`y${place}`] = Number.isNaN(y) ? null : y;
      row[`band${place}`] = Number.isNaN(low) ? null : [low, high];
      rows.set(x, row);
    }
  }
  return [...rows.entries()].sort(([a], [b]) => a - b).map(([, row]) => row);
}

/** Rows of the data behind a chart, for a CSV file. */
export function linesTable({ series }: LinesModel): (string | number)[][] {
  const header = ["run", "layer", "first_step", "last_step", "x", "mean", "min", "max"];
  const rows = series.flatMap(({ run, layer, points }) =>
    points.map(({ firstStep, lastStep, x, y, low, high }) => [run, layer ?? "", firstStep, lastStep, x, y, low, high]),
  );
  return [header, ...rows];
}
