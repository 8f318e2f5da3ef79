// Lines of the balance view: the loss, and what is said of the load of each layer.
import type { Axis, Lines } from "../../address/address.ts";
import { type LineSeries, lineOf, lookOf, readingOf } from "../../charts/line-series.ts";
import { type Arrival, sentenceWithout } from "../../data/arrival.ts";
import { type Bucket, meanOf, scalarOf } from "../../data/bucket.ts";
import { formatRatio, formatValue } from "../../format/number.ts";
import { joinWords } from "../../format/sentence.ts";
import {
  type LayerReading,
  type LinesModel,
  layerLines,
  layersSentence,
  linesModel,
  type ReadLayers,
  type RunBuckets,
} from "./layer-lines.ts";
import type { LoadWindow, WindowMetric } from "./window-model.ts";

/**
 * The loss of each run over x: mean of each bucket, extremes as a band. What evaluations found is a broken line beside it.
 *
 * @param evaluations of the same runs, as far as there are any
 * @param step the step cursor, which the sentence is about
 */
export function lossModel(
  runs: readonly RunBuckets[],
  evaluations: readonly RunBuckets[],
  axis: Axis,
  step: number,
): LinesModel {
  const readLoss = (bucket: Bucket) => readingOf(scalarOf(bucket, "loss"));
  const series = runs.map((run) => lineOf(run, axis, lookOf(run.chosen), readLoss));
  const validation = evaluations.map((run) => {
    const look = lookOf(run.chosen);
    const broken = { ...look, id: `${look.id}/validation`, label: `${look.label}, validation`, broken: true };
    return lineOf(run, axis, broken, readLoss);
  });
  const drawn = [...series, ...validation.filter(({ points }) => points.length > 0)];
  const sentence = (arrival: Arrival) => lossSentence(series, arrival, step) + validationSentence(validation, step);
  return linesModel(runs, drawn, sentence);
}

const NO_LAYER = "No MoE layer has reported for this split yet.";

/** What every bucket tells of each layer, and how its sentence begins. */
const STORED = {
  /** MaxVio (batch): of every step, computed where it was stored. */
  maxViolation: { read: maxViolations, start: "Averaged over layers" },
  /** In a step. */
  deadExperts: { read: deadExperts, start: "Dead experts a layer" },
};

/** A metric of each layer that is stored with the steps. */
export function storedModel(
  runs: readonly RunBuckets[],
  metric: keyof typeof STORED,
  { axis, lines, step }: { axis: Axis; lines: Lines; step: number },
): LinesModel {
  const { read, start } = STORED[metric];
  return linesModel(runs, layerLines(runs, axis, lines, read), (arrival) =>
    layersSentence(runs, read, step, arrival, { start, empty: NO_LAYER, format: formatRatio, worst: "highest" }),
  );
}

/** What is said of a window's loads, in words. */
const WINDOW_WORDS: Record<WindowMetric, { worst: "highest" | "lowest"; format: (value: number) => string }> = {
  maxViolation: { worst: "highest", format: formatRatio },
  variation: { worst: "highest", format: formatRatio },
  entropy: { worst: "lowest", format: formatValue },
};

/** A run with the windows of its loads. */
export type WindowedRun = RunBuckets & { windows: readonly LoadWindow[] };

/**
 * A metric of the loads of each layer, added up over a window of steps.
 *
 * @param steps length of the windows, for when no run is as long
 */
export function windowModel(
  runs: readonly WindowedRun[],
  metric: WindowMetric,
  { axis, lines, step, steps }: { axis: Axis; lines: Lines; step: number; steps: number },
): LinesModel {
  const byBucket = new Map(runs.flatMap(({ windows }) => windows.map(({ bucket, layers }) => [bucket, layers])));
  const read: ReadLayers = (bucket) =>
    (byBucket.get(bucket) ?? []).map((each) => ({
      layer: each.layer,
      y: each[metric],
      low: each[metric],
      high: each[metric],
    }));
  return linesModel(runs, layerLines(runs, axis, lines, read), (arrival) =>
    layersSentence(runs, read, step, arrival, {
      start: "Averaged over layers",
      empty: `No run has ${steps} steps in one stretch here.`,
      ...WINDOW_WORDS[metric],
    }),
  );
}

function maxViolations({ layers = [] }: Bucket): LayerReading[] {
  return layers.flatMap(({ layer = 0, maxViolation }) =>
    maxViolation?.values
      ? [{ layer, y: meanOf(maxViolation), low: maxViolation.min ?? 0, high: maxViolation.max ?? 0 }]
      : [],
  );
}

/** Only the sum over the steps of a bucket is known: no extremes. */
function deadExperts({ layers = [], steps }: Bucket): LayerReading[] {
  return layers.flatMap(({ layer = 0, maxViolation, deadExperts: dead = 0 }) => {
    if (!maxViolation?.values) return [];
    const y = dead / (steps || 1);
    return [{ layer, y, low: y, high: y }];
  });
}

function lossSentence(series: readonly LineSeries[], arrival: Arrival, step: number): string {
  const ends = valuesAt(series, step);
  if (ends.length === 0) return sentenceWithout(arrival, "No loss has arrived for this split yet.");
  const parts = ends.map(({ label, y, lastStep }) => `${label} is at ${formatValue(y)} at step ${lastStep}`);
  return `${joinWords(parts)}${difference(ends)}.`;
}

function validationSentence(validation: readonly LineSeries[], step: number): string {
  const parts = valuesAt(validation, step).map(({ y, lastStep }) => `${formatValue(y)} at step ${lastStep}`);
  return parts.length === 0 ? "" : ` On validation: ${joinWords(parts)}.`;
}

/** The newest point of each line up to a step. */
function valuesAt(series: readonly LineSeries[], step: number) {
  return series.flatMap(({ label, points, lead }) => {
    const point = [...lead, ...points].findLast(({ firstStep }) => firstStep <= step);
    return point === undefined ? [] : [{ label, ...point }];
  });
}

function difference(ends: readonly { label: string; y: number; lastStep: number }[]): string {
  const [a, b] = ends;
  if (ends.length !== 2 || a!.lastStep !== b!.lastStep || !Number.isFinite(a!.y - b!.y)) return "";
  const gap = Math.abs(a!.y - b!.y);
  if (gap < 0.0005) return ": no difference";
  return `: ${(a!.y < b!.y ? a! : b!).label} is ${formatValue(gap)} lower`;
}
