// The overview: one row a run, with its verdict, whom to blame, and the numbers that say so.
import { v1 } from "@moescope/proto";
import { type Bucket, layerOf, meanOf } from "../../data/bucket.ts";
import { hasSteps, type Progress, progressOf, type RunState, stateOf } from "../../data/run-state.ts";
import { formatCount, formatDuration, formatRatio, formatValue, formatWhole } from "../../format/number.ts";
import { plural } from "../../format/sentence.ts";
import { strategyName } from "../../format/strategy.ts";
import {
  bucketsOf,
  type Health,
  judge,
  lossTrace,
  maxViolationTrace,
  type TrainingHistory,
  type Verdict,
  type WorstLayer,
} from "./verdict.ts";

export interface OverviewRow {
  id: string;
  name: string;
  strategy: string;
  seed: number;
  state: RunState;
  verdict: Verdict;
  /** Its history is on its way: verdict, sentence and strip say nothing yet. */
  loading: boolean;
  /** What is wrong and where, or that nothing is. */
  sentence: string;
  /** Where a click on the verdict leads: the newest step of the worst layer and its busiest expert. */
  blame: { layer: number; expert: number | undefined } | undefined;
  progress: Progress;
  loss: string;
  validationLoss: string | undefined;
  maxViolation: string;
  /** Dead experts of all layers together, in a step of the newest bucket; and of how many. */
  deadExperts: string;
  allExperts: string;
  speed: string | undefined;
  lossTrace: number[];
  maxViolationTrace: number[];
  strip: LayerStripModel;
}

/** Layers × buckets: relative load of the busiest expert, MaxVio + 1; NaN where a layer did not report. */
export interface LayerStripModel {
  busiest: Float64Array;
  columns: number;
}

/**
 * @param now milliseconds since the Unix epoch
 */
export function overviewRow(summary: v1.RunSummary.$Properties, history: TrainingHistory, now: number): OverviewRow {
  const buckets = bucketsOf(history);
  const health = judge(summary, history);
  return {
    id: summary.run?.id ?? "",
    name: summary.run?.name || summary.run?.id || "",
    strategy: strategyName(summary.run?.strategy),
    seed: summary.run?.seed ?? 0,
    state: stateOf(summary),
    verdict: health.verdict,
    loading: health.verdict === "reading",
    sentence: sentenceOf(summary, health, now),
    blame: blameOf(summary, health),
    progress: progressOf(summary),
    loss: hasSteps(summary) ? formatValue(summary.loss ?? Number.NaN) : "–",
    validationLoss: summary.validationLoss ? formatValue(summary.validationLoss) : undefined,
    maxViolation: routes(summary, health) ? formatRatio(summary.maxViolation ?? Number.NaN) : "–",
    deadExperts: deadExperts(buckets),
    allExperts: formatWhole((summary.run?.experts ?? 0) * (summary.run?.moeLayers?.length ?? 0)),
    speed: speedOf(summary),
    lossTrace: lossTrace(buckets),
    maxViolationTrace: maxViolationTrace(buckets),
    strip: stripOf(summary.run?.moeLayers ?? [], buckets),
  };
}

function deadExperts(buckets: readonly Bucket[]): string {
  const newest = buckets.findLast(({ layers }) => layers?.some(({ maxViolation }) => maxViolation?.values));
  if (newest === undefined) return "–";
  const dead = (newest.layers ?? []).reduce((sum, layer) => sum + (layer.deadExperts ?? 0), 0) / (newest.steps || 1);
  return Number.isInteger(dead) ? formatWhole(dead) : formatRatio(dead);
}

function stripOf(layers: readonly number[], buckets: readonly Bucket[]): LayerStripModel {
  const busiest = layers.flatMap((layer) =>
    buckets.map((bucket) => meanOf(layerOf(bucket, layer)?.maxViolation ?? undefined) + 1),
  );
  return { busiest: Float64Array.from(busiest), columns: buckets.length };
}

/** Whether an MoE layer has reported: while history is not here, whether one can have. */
function routes(summary: v1.RunSummary.$Properties, { verdict, maxViolation }: Health): boolean {
  if (verdict !== "reading" && verdict !== "unknown") return Number.isFinite(maxViolation);
  return hasSteps(summary) && (summary.run?.moeLayers?.length ?? 0) > 0;
}

function speedOf({ state, tokensPerSecond = 0 }: v1.RunSummary.$Properties): string | undefined {
  return state === v1.RunSummary.State.LIVE && tokensPerSecond > 0
    ? `${formatCount(tokensPerSecond)} tokens/s`
    : undefined;
}

function blameOf(summary: v1.RunSummary.$Properties, { worst }: Health): OverviewRow["blame"] {
  if (worst === undefined) return undefined;
  const sameLayer = worst.layer === (summary.worstLayer ?? 0);
  return { layer: worst.layer, expert: sameLayer ? (summary.worstExpert ?? 0) : undefined };
}

function sentenceOf(summary: v1.RunSummary.$Properties, health: Health, now: number): string {
  const { verdict, worst, ceiling } = health;
  const reason = summary.reason ? ` It ${stateOf(summary)}: ${summary.reason}` : "";
  if (verdict === "reading") return "";
  if (verdict === "unknown") return `Its history could not be fetched.${reason}`;
  if (verdict === "diverged") return `The loss is NaN since step ${summary.lastStep ?? 0} or before.${reason}`;
  const ago = verdict === "silent" ? `Silent for ${formatDuration(now - (summary.lastMessageAt ?? now))}. ` : "";
  if (worst === undefined) return `${ago}No step with an MoE layer has arrived yet.${reason}`;
  return `${ago}${worstSentence(summary, worst, ceiling)}${reason}`;
}

function worstSentence(summary: v1.RunSummary.$Properties, worst: WorstLayer, ceiling: number): string {
  const dead = Math.round(worst.deadExperts);
  const deadPart = dead > 0 ? `, with ${plural(dead, "dead expert")} of ${summary.run?.experts ?? 0}` : "";
  const violation = `Layer ${worst.layer} is the worst, MaxVio ${formatRatio(worst.maxViolation)} of at most ${formatRatio(ceiling)}${deadPart}`;
  if (worst.layer !== (summary.worstLayer ?? 0)) return `${violation}.`;
  const times = formatRatio((summary.worstMaxViolation ?? Number.NaN) + 1);
  return `${violation}; now expert ${summary.worstExpert ?? 0} gets ${times} × its share.`;
}

/** The state of all runs in a sentence. */
export function overviewSentence(rows: readonly OverviewRow[]): string {
  if (rows.length === 0) return "";
  const live = rows.filter((row) => row.state === "live").length;
  const bad = rows.filter((row) => row.verdict === "collapsing" || row.verdict === "diverged");
  const runs = `${plural(rows.length, "run")}, ${live === 0 ? "none live" : `${live} live`}`;
  // Without all histories nobody knows that no router is collapsing.
  const known = rows.every((row) => row.verdict !== "reading" && row.verdict !== "unknown");
  if (bad.length === 0 && !known) return `${runs}.`;
  if (bad.length === 0) return `${runs}; no router is collapsing.`;
  return `${runs}; look at ${bad.map((row) => row.name).join(", ")} first.`;
}
