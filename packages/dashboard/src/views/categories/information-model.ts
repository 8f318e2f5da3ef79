// How much the expert of a token tells about its category, over the steps: one line a layer.
import { normalisedMutualInformation } from "@moescope/metrics";
import type { Axis } from "../../address/address.ts";
import { type LineSeries, lineOf, lookOf } from "../../charts/line-series.ts";
import type { Bucket } from "../../data/bucket.ts";
import type { RunHistory } from "../../data/run-history.ts";
import { countsByCategory } from "../../figures/run-steps.ts";
import { formatPercent } from "../../format/number.ts";
import { joinWords } from "../../format/sentence.ts";

export interface InformationModel {
  series: LineSeries[];
  sentence: string;
}

type RunBuckets = Pick<RunHistory, "chosen" | "buckets" | "lead">;

/**
 * Mutual information of expert and category as a share of the most possible, less what chance alone would give in so few tokens.
 *
 * @param runs with the counts of `layers` in every bucket
 * @param step the step cursor, which the sentence is about
 */
export function informationModel(
  runs: readonly RunBuckets[],
  layers: readonly number[],
  axis: Axis,
  step: number,
): InformationModel {
  const series = runs.flatMap((run) => linesOf(run, layers, axis));
  return { series, sentence: sentenceOf(series, step) };
}

function linesOf(run: RunBuckets, layers: readonly number[], axis: Axis): LineSeries[] {
  const own = layers.filter((layer) => run.chosen.run.moeLayers?.includes(layer));
  return own.map((layer, depth) => ({
    ...lineOf(run, axis, lookOf(run.chosen, layer), (bucket) => {
      const y = informationOf(run, bucket, layer);
      return { y, low: y, high: y };
    }),
    band: false,
    opacity: 0.35 + (0.65 * (depth + 1)) / own.length,
  }));
}

/** NaN where fewer than two categories have tokens. */
function informationOf({ chosen }: RunBuckets, bucket: Bucket, layer: number): number {
  return normalisedMutualInformation(countsByCategory(chosen.run, bucket, layer), { correctBias: true });
}

function sentenceOf(series: readonly LineSeries[], step: number): string {
  const now = series.flatMap(({ label, points }) => {
    const point = points.findLast(({ firstStep }) => firstStep <= step) ?? points.at(-1);
    return point === undefined || Number.isNaN(point.y) ? [] : [{ label, y: point.y, lastStep: point.lastStep }];
  });
  if (now.length === 0) return "An expert can tell a category only where two or more have tokens.";
  const highest = now.reduce((a, b) => (b.y > a.y ? b : a));
  const lowest = now.reduce((a, b) => (b.y < a.y ? b : a));
  const ends = highest === lowest ? [highest] : [highest, lowest];
  const parts = ends.map(({ label, y }) => `${formatPercent(Math.max(0, y))} in ${label}`);
  return `Of what can be known about a token's category, its expert tells ${joinWords(parts)} at step ${highest.lastStep}. 0 %: every category uses the experts alike.`;
}

/** Numbers that an answer may hold at most: counts of each layer, category and expert, with their extremes. */
const MOST_NUMBERS = 1_000_000;

/** @returns buckets to ask for, so that the answer stays small however large the model is */
export function informationPoints(layers: number, experts: number, categories: number): number {
  const each = Math.max(1, layers * experts * (categories + 2));
  return Math.max(8, Math.min(200, Math.floor(MOST_NUMBERS / each)));
}
