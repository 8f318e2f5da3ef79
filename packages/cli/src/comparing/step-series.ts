// MaxVio and speed of every single step of a run, and what is read off them.
import type { Client } from "@moescope/dashboard/api";
import { sampleOf } from "@moescope/metrics";
import { Failure } from "../failure.ts";
import type { StoredRun } from "../reading/find-run.ts";

/** One value for each step, from step 0. */
export interface StepSeries {
  /** MaxVio of every MoE layer; NaN where a layer had no load. */
  maxViolationOfLayers: number[][];
  /** Choices that found their expert full, all layers together. */
  dropped: number[];
  tokensPerSecond: number[];
}

/** The API answers with at most this many buckets. */
const stepsOfRequest = 2000;

/** @throws Failure when steps are missing: what the reporter could not deliver waits in its spool */
export async function readStepSeries(client: Client, { run, lastStep, steps }: StoredRun): Promise<StepSeries> {
  const missing = (stored: number) => new Failure(`Run ${run.id}: ${stored} of ${lastStep + 1} steps are stored`);
  if (steps < lastStep + 1) throw missing(steps);
  const series: StepSeries = { maxViolationOfLayers: run.moeLayers.map(() => []), dropped: [], tokensPerSecond: [] };
  for (let from = 0; from <= lastStep; from += stepsOfRequest) {
    const to = Math.min(lastStep, from + stepsOfRequest - 1);
    const { buckets } = await client.history({ run: run.id, from, to, points: stepsOfRequest });
    for (const { layers, scalars } of buckets) {
      series.dropped.push(layers.reduce((sum, { dropped }) => sum + dropped, 0));
      series.tokensPerSecond.push(scalars.find(({ name }) => name === "tokens_per_second")?.last ?? Number.NaN);
      for (const [place, index] of run.moeLayers.entries()) {
        const perStep = layers.find(({ layer }) => layer === index)?.maxViolation;
        series.maxViolationOfLayers[place]!.push(perStep?.values ? perStep.last : Number.NaN);
      }
    }
  }
  const stored = series.dropped.length;
  if (stored !== lastStep + 1) throw missing(stored);
  return series;
}

/** MaxVio of each step, mean over the layers that had load. */
export function meanOverLayers({ maxViolationOfLayers, dropped }: StepSeries): number[] {
  return dropped.map((_, step) => sampleOf(maxViolationOfLayers.map((layer) => layer[step]!)).mean);
}

/** The end of a series that stands for the trained model; at least one value. */
export function lastOf(values: readonly number[], share: number): number[] {
  return values.slice(-Math.max(1, Math.round(values.length * share)));
}

/**
 * How much a series wavers: standard deviation about its least-squares line, with n − 2, so that a value which still falls does not count
 * as one that wavers.
 *
 * @returns NaN for fewer than three values
 */
export function deviationFromLine(values: readonly number[]): number {
  const n = values.length;
  if (n < 3) return Number.NaN;
  const middle = (n - 1) / 2;
  const { mean } = sampleOf(values);
  const slope = values.reduce((sum, y, x) => sum + (x - middle) * (y - mean), 0) / ((n * (n * n - 1)) / 12);
  const squares = values.reduce((sum, y, x) => sum + (y - mean - slope * (x - middle)) ** 2, 0);
  return Math.sqrt(squares / (n - 2));
}

/**
 * Steps before the moving average goes below a limit for good.
 *
 * @param width values of the moving average, the newest the last; fewer at the beginning
 * @returns NaN when it does not stay below
 */
export function stepsUntilBelow(values: readonly number[], limit: number, width: number): number {
  let steps = values.length;
  while (steps > 0 && movingAverage(values, steps - 1, width) < limit) steps--;
  return steps === values.length ? Number.NaN : steps;
}

function movingAverage(values: readonly number[], at: number, width: number): number {
  return sampleOf(values.slice(Math.max(0, at - width + 1), at + 1)).mean;
}
