// Lines over a shared x axis as data: points with their extremes, domains, smoothing, and the table behind them.
import { acrossLayers } from "@moescope/metrics";
import type { Axis } from "../address/address.ts";
import { type Bucket, meanOf, positionOf, type scalarOf } from "../data/bucket.ts";
import type { ChosenRun } from "../data/chosen-runs.ts";
import type { RunHistory } from "../data/run-history.ts";
import { nearestIndex } from "./lines.ts";
import { smoothed } from "./smoothing.ts";
import type { StepSpan } from "./use-x-pointer.ts";
import { linearScale, logScale, type YScale } from "./y-scale.ts";

/** A value over a stretch of steps. NaN where there is no number. */
export interface Reading {
  /** Mean, or the middle of what the band encloses. */
  y: number;
  /** Ends of the band: extremes within the stretch, or percentiles across layers. */
  low: number;
  high: number;
}

export interface LinePoint extends Reading {
  x: number;
  firstStep: number;
  lastStep: number;
  /** Steps present. */
  steps: number;
  attempt: number;
}

export interface LineSeries {
  /** Unique in the chart. */
  id: string;
  /** Id of its run. */
  run: string;
  label: string;
  /** CSS colour. */
  colour: string;
  /** Set for a line of one layer. */
  layer: number | undefined;
  /** Of the line, 0..1; default 1. */
  opacity?: number;
  /** Drawn as a broken line, and never smoothed: single measurements that belong to another line. */
  broken?: boolean;
  /** Whether low and high are drawn as a band; default: in charts of up to eight lines. */
  band?: boolean;
  points: LinePoint[];
  /** Points before the first one shown: a smoothed line remembers them. */
  lead: LinePoint[];
}

/** Everything about a line but its points. */
export type LineLook = Omit<LineSeries, "points" | "lead">;

/** @param layer for a line of one layer */
export function lookOf({ id, label, colour }: ChosenRun, layer?: number): LineLook {
  return {
    id: layer === undefined ? id : `${id}/${layer}`,
    run: id,
    label: layer === undefined ? label : `${label} · layer ${layer}`,
    colour: `var(--run-${colour})`,
    layer,
  };
}

/**
 * A line of a run.
 *
 * @param read value of a bucket; undefined where the bucket has none, which leaves the point out (a NaN interrupts the line)
 */
export function lineOf(
  { chosen, buckets, lead }: Pick<RunHistory, "chosen" | "buckets" | "lead">,
  axis: Axis,
  look: LineLook,
  read: (bucket: Bucket) => Reading | undefined,
): LineSeries {
  const startedAt = chosen.run.startedAt ?? 0;
  const toPoints = (from: readonly Bucket[]) =>
    from.flatMap((bucket): LinePoint[] => {
      const reading = read(bucket);
      return reading === undefined ? [] : [{ ...placeOf(bucket, axis, startedAt), ...reading }];
    });
  return { ...look, points: toPoints(buckets), lead: toPoints(lead) };
}

function placeOf(bucket: Bucket, axis: Axis, startedAt: number): Omit<LinePoint, keyof Reading> {
  return {
    x: positionOf(bucket, axis, startedAt),
    firstStep: bucket.firstStep ?? 0,
    lastStep: bucket.lastStep ?? 0,
    steps: bucket.steps ?? 1,
    attempt: bucket.attempt ?? 0,
  };
}

/** Mean and extremes of a scalar; undefined where the bucket lacks it altogether, NaN where all its values are. */
export function readingOf(summary: ReturnType<typeof scalarOf>): Reading | undefined {
  if (summary === undefined || (!summary.values && !summary.nanValues)) return undefined;
  if (!summary.values) return { y: Number.NaN, low: Number.NaN, high: Number.NaN };
  return { y: meanOf(summary), low: summary.min ?? 0, high: summary.max ?? 0 };
}

/** What a metric is like across layers: the median, and a band from the 5th to the 95th percentile; undefined without a number. */
export function spreadOf(values: ArrayLike<number>): Reading | undefined {
  const { p5, p50, p95 } = acrossLayers(values);
  return Number.isNaN(p50) ? undefined : { y: p50, low: p5, high: p95 };
}

/** The line's values, one for each point, looking back on `span` steps; as they are for a span of 0. */
export function smoothLine(
  { lead, points, broken = false }: Pick<LineSeries, "lead" | "points" | "broken">,
  span: number,
): Float64Array {
  if (broken) return Float64Array.from(points, ({ y }) => y);
  return smoothed([...lead, ...points], span).subarray(lead.length);
}

/** From the first step of the first point, which is placed at its last. */
export function xDomainOf(series: readonly LineSeries[], axis: Axis): [number, number] {
  const ends = series.flatMap(({ points }) =>
    points.length === 0 ? [] : [axis === "step" ? points[0]!.firstStep : points[0]!.x, points.at(-1)!.x],
  );
  if (ends.length === 0) return [0, 1];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  return low === high ? [Math.max(0, low - 1), low + 1] : [low, high];
}

/**
 * Linear over what is drawn, with the bands of nearly all points, and the extremes as far as they reach no further than a third of what is
 * drawn: one outlier must not press the lines flat. Logarithmic over everything.
 *
 * @param options.floor the lowest value of a linear axis, for what has a natural zero
 * @param options.drawn values drawn instead of the means, for each line; default: the means
 */
export function yScaleOf(
  series: readonly LineSeries[],
  options: { log: boolean; floor?: number | undefined; drawn?: readonly Float64Array[] },
): YScale {
  const { log, floor, drawn = [] } = options;
  const points = series.flatMap((each) => each.points).filter(({ y }) => Number.isFinite(y));
  if (points.length === 0) return linearScale([0, 1]);
  const means = span([extent(points.map(({ y }) => y)), ...drawn.map(extent)]);
  const extremes = span([means, extent(points.map(({ low }) => low)), extent(points.map(({ high }) => high))]);
  // An axis of nothing but zeros has no scale of its own.
  if (extremes[0] === 0 && extremes[1] === 0) return linearScale([0, 1]);
  if (log) {
    const sizes = points.flatMap(({ y, low }) => [Math.abs(y), Math.abs(low)]).filter((size) => size > 0);
    return logScale(extremes, extent(sizes)[0]);
  }
  const room = Math.max((means[1] - means[0]) / 3, Math.abs(means[1]) * 0.02, 1e-6);
  const margin = room / 8;
  const usual = usualBand(points);
  const low = Math.max(extremes[0], Math.min(usual[0], means[0] - room)) - margin;
  const high = Math.min(extremes[1], Math.max(usual[1], means[1] + room)) + margin;
  return linearScale([floor ?? low, high]);
}

/** Within which the bands of 98 % of the points lie, at either end. */
function usualBand(points: readonly LinePoint[]): [number, number] {
  const last = points.length - 1;
  const lows = points.map(({ low }) => low).sort((a, b) => a - b);
  const highs = points.map(({ high }) => high).sort((a, b) => a - b);
  return [lows[Math.ceil(0.02 * last)]!, highs[Math.floor(0.98 * last)]!];
}

function span(extents: readonly (readonly [number, number])[]): [number, number] {
  return [Math.min(...extents.map(([low]) => low)), Math.max(...extents.map(([, high]) => high))];
}

/** Lowest and highest of the values that are numbers. */
export function extent(values: ArrayLike<number>): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** @returns steps of the point nearest to a place on the x axis, over all lines */
export function stepsNear(series: readonly Pick<LineSeries, "points">[], x: number): StepSpan | undefined {
  let nearest: LinePoint | undefined;
  for (const { points } of series) {
    const point =
      points[
        nearestIndex(
          points.map((each) => each.x),
          x,
        )
      ];
    if (point === undefined) continue;
    if (nearest === undefined || Math.abs(point.x - x) < Math.abs(nearest.x - x)) nearest = point;
  }
  return nearest === undefined ? undefined : { first: nearest.firstStep, last: nearest.lastStep };
}

/** Rows of the data behind a chart, for a CSV file. */
export function linesTable({ series }: { series: readonly LineSeries[] }): (string | number)[][] {
  const header = ["run", "line", "layer", "first_step", "last_step", "x", "mean", "min", "max"];
  const rows = series.flatMap(({ run, label, layer, points }) =>
    points.map(({ firstStep, lastStep, x, y, low, high }) => {
      return [run, label, layer ?? "", firstStep, lastStep, x, y, low, high];
    }),
  );
  return [header, ...rows];
}
