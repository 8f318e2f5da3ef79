// Is a run's routing healthy? One word, decided from MaxVio against its ceiling E/k − 1 and from dead experts.
import { v1 } from "@moescope/proto";
import { type Bucket, meanOf, scalarOf } from "../../data/bucket.ts";

/** Training history of a run at any resolution; undefined while it is fetched. */
export type TrainingHistory = readonly Bucket[] | "failed" | undefined;

export type Verdict =
  | "reading"
  | "unknown"
  | "no data"
  | "diverged"
  | "silent"
  | "collapsing"
  | "drifting"
  | "uneven"
  | "balanced";

/** What each word means, for whoever hovers it. */
export const VERDICT_MEANING: Record<Verdict, string> = {
  reading: "Its history is on its way.",
  unknown: "Its history could not be fetched.",
  "no data": "No step with an MoE layer has arrived yet.",
  diverged: "The loss is no longer a number.",
  silent: "No message for a while, and the run did not say that it ended.",
  collapsing: "In one layer MaxVio is over a third of the most possible (E/k − 1), or a tenth of the experts are dead.",
  drifting: "MaxVio, averaged over layers, has risen by more than a quarter over the last half of the run.",
  uneven: "In one layer MaxVio is over a tenth of the most possible (E/k − 1), steadily.",
  balanced:
    "MaxVio is below a tenth of the most possible (E/k − 1) in every layer, and no layer has many dead experts.",
};

/** Shares of the ceiling E/k − 1 above which the worst layer counts as collapsing, and as uneven. */
export const COLLAPSING_ABOVE = 1 / 3;
export const UNEVEN_ABOVE = 0.1;
/** Share of a layer's experts that are dead, on average over the recent steps, from which it counts as collapsing. */
export const DEAD_SHARE = 0.1;
/** Growth of MaxVio from one quarter of the run to the next from which it counts as drifting, if it is also above the floor. */
export const DRIFT_GROWTH = 1.25;
const DRIFT_FLOOR = 0.05;
/** A trend needs this many buckets: fewer say nothing. */
const TREND_BUCKETS = 8;

/** The layer that is worst over the recent steps. */
export interface WorstLayer {
  layer: number;
  /** Mean MaxVio (batch) over the recent steps. */
  maxViolation: number;
  /** Mean number of dead experts a step. */
  deadExperts: number;
}

export interface Health {
  verdict: Verdict;
  worst: WorstLayer | undefined;
  /** MaxVio (batch) averaged over layers and the recent steps; NaN without data. */
  maxViolation: number;
  /** The most possible MaxVio, E/k − 1. */
  ceiling: number;
}

/**
 * @param summary the run as the collector sees it now
 * @param history in order; the last quarter counts as recent
 */
export function judge(summary: v1.RunSummary.$Properties, history: TrainingHistory): Health {
  const buckets = bucketsOf(history);
  const ceiling = (summary.run?.experts ?? 0) / Math.max(1, summary.run?.topK ?? 1) - 1;
  const routed = buckets.filter((bucket) => bucket.layers?.some((layer) => layer.maxViolation?.values));
  const recent = routed.slice(-Math.max(1, Math.ceil(routed.length / 4)));
  const worst = worstLayer(recent, DEAD_SHARE * (summary.run?.experts ?? 0));
  const health = { worst, maxViolation: meanMaxViolation(recent), ceiling };
  if (history === undefined) return { ...health, verdict: "reading" };
  return { ...health, verdict: history === "failed" ? "unknown" : verdictOf(summary, buckets, routed, health) };
}

/** @returns no bucket where none is here */
export function bucketsOf(history: TrainingHistory): readonly Bucket[] {
  return history === undefined || history === "failed" ? [] : history;
}

function verdictOf(
  summary: v1.RunSummary.$Properties,
  all: readonly Bucket[],
  routed: readonly Bucket[],
  health: Omit<Health, "verdict">,
): Verdict {
  const { worst, ceiling } = health;
  if (lossIsNaN(all)) return "diverged";
  if (summary.state === v1.RunSummary.State.SILENT) return "silent";
  if (worst === undefined) return "no data";
  const experts = summary.run?.experts ?? 0;
  if (worst.maxViolation > COLLAPSING_ABOVE * ceiling || worst.deadExperts >= DEAD_SHARE * experts) return "collapsing";
  if (isDrifting(routed, ceiling)) return "drifting";
  return worst.maxViolation > UNEVEN_ABOVE * ceiling ? "uneven" : "balanced";
}

function lossIsNaN(buckets: readonly Bucket[]): boolean {
  const loss = buckets.length === 0 ? undefined : scalarOf(buckets.at(-1)!, "loss");
  return (loss?.nanValues ?? 0) > 0;
}

function isDrifting(routed: readonly Bucket[], ceiling: number): boolean {
  if (routed.length < TREND_BUCKETS) return false;
  const quarter = Math.floor(routed.length / 4);
  const now = meanMaxViolation(routed.slice(-quarter));
  const before = meanMaxViolation(routed.slice(-2 * quarter, -quarter));
  return now > DRIFT_GROWTH * before && now > DRIFT_FLOOR * ceiling;
}

/** MaxVio (batch) averaged over layers, then over steps. */
export function meanMaxViolation(buckets: readonly Bucket[]): number {
  let [sum, values] = [0, 0];
  for (const bucket of buckets) {
    for (const { maxViolation } of bucket.layers ?? []) {
      sum += maxViolation?.sum ?? 0;
      values += maxViolation?.values ?? 0;
    }
  }
  return values === 0 ? Number.NaN : sum / values;
}

/** The layer with the most dead experts, if `manyDead` or more, else the one with the highest MaxVio. */
function worstLayer(buckets: readonly Bucket[], manyDead: number): WorstLayer | undefined {
  const layers = layerMeans(buckets);
  const deadest = layers.toSorted((a, b) => b.deadExperts - a.deadExperts)[0];
  if (deadest !== undefined && deadest.deadExperts > 0 && deadest.deadExperts >= manyDead) return deadest;
  return layers.toSorted((a, b) => b.maxViolation - a.maxViolation)[0];
}

function layerMeans(buckets: readonly Bucket[]): WorstLayer[] {
  const sums = new Map<number, { values: number; sum: number; dead: number; steps: number }>();
  for (const bucket of buckets) {
    for (const { layer = 0, maxViolation, deadExperts = 0 } of bucket.layers ?? []) {
      const sum = sums.get(layer) ?? { values: 0, sum: 0, dead: 0, steps: 0 };
      sum.values += maxViolation?.values ?? 0;
      sum.sum += maxViolation?.sum ?? 0;
      sum.dead += deadExperts;
      sum.steps += bucket.steps ?? 0;
      sums.set(layer, sum);
    }
  }
  const layers = [...sums].map(([layer, { values, sum, dead, steps }]) => ({
    layer,
    maxViolation: values === 0 ? Number.NaN : sum / values,
    deadExperts: steps === 0 ? 0 : dead / steps,
  }));
  return layers.filter((layer) => !Number.isNaN(layer.maxViolation));
}

/** @returns MaxVio (batch) averaged over layers for each bucket, for a sparkline */
export function maxViolationTrace(buckets: readonly Bucket[]): number[] {
  return buckets.map((bucket) => meanMaxViolation([bucket]));
}

/** @returns mean loss of each bucket, for a sparkline */
export function lossTrace(buckets: readonly Bucket[]): number[] {
  return buckets.map((bucket) => meanOf(scalarOf(bucket, "loss")));
}
