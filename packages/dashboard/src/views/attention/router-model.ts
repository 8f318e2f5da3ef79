// What routers chose for the probe batch: how much changes from probe to probe, what the bias decides, and how settled they are.
import type { v1 } from "@moescope/proto";
import type { Axis, Lines } from "../../address/address.ts";
import { type LineSeries, lineOf, lookOf, type Reading, readingOf, spreadOf } from "../../charts/line-series.ts";
import { type Bucket, meanOf, scalarOf } from "../../data/bucket.ts";
import type { ChosenRun } from "../../data/chosen-runs.ts";
import { formatPercent } from "../../format/number.ts";
import { joinWords } from "../../format/sentence.ts";

/** Scalars that probes have for each layer. */
export type RouterScalar = "router/churn" | "router/bias_changed";

export interface ProbedHistory {
  chosen: ChosenRun;
  buckets: readonly Bucket[];
  lead: readonly Bucket[];
}

/** Lines of one scalar: a line a layer, or its mean or spread over layers. @returns none for runs that never sent it */
export function routerLines(
  runs: readonly ProbedHistory[],
  scalar: RouterScalar,
  axis: Axis,
  lines: Lines,
): LineSeries[] {
  return runs
    .flatMap((run) => {
      const layers = run.chosen.run.moeLayers ?? [];
      if (lines !== "layers") {
        const read = (bucket: Bucket) => acrossLayers(bucket, layers, scalar, lines);
        return [lineOf(run, axis, lookOf(run.chosen), read)];
      }
      return layers.map((layer, depth) => ({
        ...lineOf(run, axis, lookOf(run.chosen, layer), (bucket) => readingOf(scalarOf(bucket, `${scalar}/${layer}`))),
        opacity: opacityOf(depth, layers.length),
      }));
    })
    .filter(({ points }) => points.length > 0);
}

function acrossLayers(
  bucket: Bucket,
  layers: readonly number[],
  scalar: RouterScalar,
  lines: Lines,
): Reading | undefined {
  const values = layers.flatMap((layer) => {
    const found = scalarOf(bucket, `${scalar}/${layer}`);
    return found === undefined ? [] : [meanOf(found)];
  });
  if (values.length === 0) return undefined;
  if (lines === "spread") return spreadOf(values);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { y: mean, low: Math.min(...values), high: Math.max(...values) };
}

/** How far the routers of each layer had settled at earlier probes, seen from the last step of the run. */
export function saturationLines(
  runs: readonly { chosen: ChosenRun; probe: v1.Probe.$Properties | undefined }[],
): LineSeries[] {
  return runs.flatMap(({ chosen, probe }) => {
    const layers = probe?.saturation ?? [];
    return layers.map(({ layer = 0, earlierStep = [], share = [] }, depth) => ({
      ...lookOf(chosen, layer),
      opacity: opacityOf(depth, layers.length),
      band: false,
      lead: [],
      points: earlierStep.map((step, place) => {
        const y = share[place] ?? Number.NaN;
        return { x: step, firstStep: step, lastStep: step, steps: 1, attempt: probe?.attempt ?? 0, y, low: y, high: y };
      }),
    }));
  });
}

/** Deeper layers are stronger. */
function opacityOf(depth: number, layers: number): number {
  return 0.35 + (0.65 * (depth + 1)) / layers;
}

/** @param what the values are shares of, as in "choices changed since the probe before" */
export function routerSentence(series: readonly LineSeries[], step: number, what: string): string {
  const parts = series.flatMap(({ label, points }) => {
    const point = points.findLast(({ firstStep }) => firstStep <= step);
    return point === undefined ? [] : [{ label, ...point }];
  });
  if (parts.length === 0) return "No probe at or before this step can tell.";
  const told = parts.length <= 3 ? parts : ends(parts);
  const words = told.map(({ label, y, lastStep }) => `${formatPercent(y)} in ${label} at step ${lastStep}`);
  return `Of the ${what}: ${joinWords(words)}.`;
}

/** The lowest and the highest. */
function ends<T extends { y: number }>(points: readonly T[]): T[] {
  const sorted = points.toSorted((a, b) => a.y - b.y);
  return [sorted[0]!, sorted.at(-1)!];
}
