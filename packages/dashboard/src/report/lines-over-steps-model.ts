// Lines over the steps of one run, as data: a mean with the extremes around it.
import type { v1 } from "@moescope/proto";
import { meanOf, scalarOf } from "../data/bucket.ts";
import type { PlotFrameModel } from "../figures/plot-frame-layout.ts";

export interface LinesOverStepsModel extends PlotFrameModel {
  lines: readonly StepLine[];
}

export interface StepLine {
  name: string;
  points: StepPoint[];
}

/** NaN interrupts a line. */
export interface StepPoint {
  firstStep: number;
  lastStep: number;
  mean: number;
  low: number;
  high: number;
}

interface LinesText {
  title: string;
  /** Of the y axis. */
  value: string;
  caption: string;
  /** The lowest value of the axis, for what has a natural zero. */
  floor?: number;
}

/** @returns undefined when no line has a point with a number */
export function linesOverSteps(lines: readonly StepLine[], text: LinesText): LinesOverStepsModel | undefined {
  const drawn = lines.filter(({ points }) => points.some(({ mean }) => Number.isFinite(mean)));
  if (drawn.length === 0) return undefined;
  const points = drawn.flatMap((line) => line.points).filter(({ mean }) => Number.isFinite(mean));
  const low = Math.min(...points.map((point) => point.low));
  const high = Math.max(...points.map((point) => point.high));
  const margin = (high - low || Math.abs(high) || 1) * 0.04;
  return {
    title: text.title,
    caption: text.caption,
    names: drawn.map(({ name }) => name),
    x: { title: "step", domain: [0, Math.max(1, ...points.map(({ lastStep }) => lastStep))] },
    y: { title: text.value, domain: [text.floor ?? low - margin, high + margin] },
    lines: drawn,
  };
}

type Buckets = readonly v1.StepBucket.$Properties[];

/** A scalar: mean and extremes of each bucket that has it. */
export function scalarLine(name: string, buckets: Buckets, scalar: string): StepLine {
  return {
    name,
    points: buckets.flatMap((bucket) => {
      const summary = scalarOf(bucket, scalar);
      if (summary === undefined || (!summary.values && !summary.nanValues)) return [];
      const { min = Number.NaN, max = Number.NaN } = summary.values ? summary : {};
      return [pointOf(bucket, meanOf(summary), min, max)];
    }),
  };
}

/** A value of each layer: its mean over layers, and the lowest and highest layer. */
export function layersLine(
  name: string,
  buckets: Buckets,
  valuesOf: (bucket: v1.StepBucket.$Properties) => readonly number[],
): StepLine {
  return {
    name,
    points: buckets.flatMap((bucket) => {
      const values = valuesOf(bucket);
      if (values.length === 0) return [];
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return [pointOf(bucket, mean, Math.min(...values), Math.max(...values))];
    }),
  };
}

/** MaxVio (batch) of each layer that reported, mean over the steps of a bucket. */
export function maxViolations({ layers = [] }: v1.StepBucket.$Properties): number[] {
  return layers.filter((layer) => layer.maxViolation?.values).map((layer) => meanOf(layer.maxViolation ?? undefined));
}

/** A scalar that probes send for each layer, as in `router/churn`. */
export function layerScalars(scalar: string, layers: readonly number[]) {
  return (bucket: v1.StepBucket.$Properties): number[] =>
    layers.flatMap((layer) => {
      const summary = scalarOf(bucket, `${scalar}/${layer}`);
      return summary?.values ? [meanOf(summary)] : [];
    });
}

function pointOf(
  { firstStep = 0, lastStep = 0 }: v1.StepBucket.$Properties,
  mean: number,
  low: number,
  high: number,
): StepPoint {
  return { firstStep, lastStep, mean, low, high };
}

/** Where each line begins and ends, and how far it went. @param format a value in words */
export function linesSentence({ lines }: LinesOverStepsModel, format: (value: number) => string): string {
  const parts = lines.map(({ name, points }) => {
    const told = points.filter(({ mean }) => Number.isFinite(mean));
    const [first, last] = [told[0]!, told.at(-1)!];
    const named = name.charAt(0).toUpperCase() + name.slice(1);
    if (first === last) return `${named}: ${format(last.mean)} at step ${last.lastStep}.`;
    const highest = told.reduce((a, b) => (b.mean > a.mean ? b : a));
    const lowest = told.reduce((a, b) => (b.mean < a.mean ? b : a));
    const ends = `from ${format(first.mean)} at step ${first.lastStep} to ${format(last.mean)} at step ${last.lastStep}`;
    return `${named}: ${ends}; lowest ${format(lowest.mean)} at step ${lowest.lastStep}, highest ${format(highest.mean)} at step ${highest.lastStep}.`;
  });
  return parts.join(" ");
}

/** The numbers behind the figure, one row for each point, first the header. */
export function linesOverStepsTable({ lines }: LinesOverStepsModel): (string | number)[][] {
  const rows = lines.flatMap(({ name, points }) =>
    points.map(({ firstStep, lastStep, mean, low, high }) => [name, firstStep, lastStep, mean, low, high]),
  );
  return [["line", "first_step", "last_step", "mean", "low", "high"], ...rows];
}
