// What a report says about a run in words and tables: facts, layers, configuration, alerts.
import type { v1 } from "@moescope/proto";
import { ALERT_NAMES } from "../data/alerts.ts";
import { loadOf } from "../data/bucket.ts";
import { layerBalance } from "../data/layer-balance.ts";
import { progressOf, stateOf } from "../data/run-state.ts";
import { formatCount, formatDuration, formatPercent, formatRatio, formatValue, formatWhole } from "../format/number.ts";
import { plural } from "../format/sentence.ts";
import { strategyName } from "../format/strategy.ts";

export type Fact = readonly [name: string, value: string];

/**
 * What the run is and how it went. Facts that are not known are left out.
 *
 * @param ownName what the run calls itself, where people may have named it anew
 */
export function factsOf(summary: v1.RunSummary.$Properties, ownName = summary.run?.name): Fact[] {
  const run = summary.run ?? {};
  const { startedAt = 0, moeLayers = [], categories = [], tags = [], ranks = 1 } = run;
  const reason = summary.reason ? `: ${summary.reason}` : "";
  const lasted = (summary.lastMessageAt ?? 0) - startedAt;
  const facts: (readonly [string, string | undefined])[] = [
    ["Run", run.id],
    ["Its own name", ownName === run.name ? "" : ownName],
    ["State", `${stateOf(summary)}${reason}`],
    ["Strategy", strategyName(run.strategy)],
    ["Recipe", run.recipe],
    ["Seed", String(run.seed ?? 0)],
    ["Fine-tuned from", run.parent],
    ["Started", utcMoment(startedAt)],
    ["Lasted", startedAt > 0 && lasted > 0 ? formatDuration(lasted) : ""],
    ["Steps", progressOf(summary).text],
    ["Tokens", formatCount(summary.tokens ?? 0)],
    ["Loss", numberOr(summary.loss, formatValue)],
    ["Validation loss", numberOr(summary.validationLoss, formatValue)],
    ["MaxVio, last step", numberOr(summary.maxViolation, formatRatio)],
    ["MaxVio, validation", numberOr(summary.validationMaxViolation, formatRatio)],
    [
      "Experts",
      `${run.experts ?? 0}, ${run.topK ? `top-${run.topK}` : "any number a token"}, in ${plural(moeLayers.length, "layer")}`,
    ],
    ["Categories", categories.join(", ")],
    ["Ranks", ranks > 1 ? String(ranks) : ""],
    ["Attempts", (summary.attempts?.length ?? 0) > 1 ? String(summary.attempts!.length) : ""],
    ["Rejected messages", summary.rejected ? formatWhole(summary.rejected) : ""],
    ["Tags", tags.join(", ")],
    ["Code", run.codeVersion],
    ["Metric definitions", run.metricsVersion ? String(run.metricsVersion) : ""],
  ];
  return facts.flatMap(([name, value]) => (value ? [[name, value] as const] : []));
}

/** As in 2026-11-21 09:42:00 UTC; empty for a time that was never set, or that no calendar has. */
function utcMoment(milliseconds: number): string {
  const date = new Date(milliseconds);
  if (!(milliseconds > 0) || Number.isNaN(date.getTime())) return "";
  const [day, time] = date.toISOString().split(/[T.]/);
  return `${day} ${time} UTC`;
}

function numberOr(value: number | undefined, format: (value: number) => string): string | undefined {
  return value === undefined || Number.isNaN(value) ? undefined : format(value);
}

/** Head of the table of layers. */
export const LAYER_COLUMNS = [
  "layer",
  "MaxVio, mean of steps",
  "MaxVio, highest step",
  "MaxVio, global",
  "CV",
  "entropy",
  "busiest expert",
  "dead experts",
  "dropped",
] as const;

/** @param bucket the steps that are added up, with the counts of every layer @returns one row for each layer that has counts */
export function layerRows(bucket: v1.StepBucket.$Properties | undefined): string[][] {
  return (bucket?.layers ?? []).flatMap((layer) => {
    const load = loadOf(layer);
    if (load === undefined) return [];
    const { tokens = 0, dropped = 0 } = layer;
    const balance = layerBalance(layer);
    return [
      [
        String(balance.layer),
        formatRatio(balance.maxViolationBatch),
        formatRatio(balance.highestMaxViolationBatch),
        formatRatio(balance.maxViolationGlobal),
        formatRatio(balance.coefficientOfVariation),
        formatValue(balance.entropy),
        `${balance.busiestExpert} (${formatRatio(balance.busiestLoad)} ×)`,
        balance.deadExperts.join(", ") || "none",
        dropped === 0 ? "0" : `${formatWhole(dropped)} (${formatPercent(dropped / (dropped + load.total))})`,
      ].map((text) => (tokens === 0 ? "" : text)),
    ];
  });
}

/** The configuration as `path = value`, in the words of `--set`. @throws nothing: what is not JSON stands as it is */
export function configurationOf({ configJson = "" }: v1.RunDescription.$Properties): Fact[] {
  try {
    return flattened(JSON.parse(configJson || "{}"));
  } catch {
    // Another program may send any text; it is still what the run was told.
    return [["configuration", configJson]];
  }
}

function flattened(value: unknown, prefix = ""): Fact[] {
  if (typeof value !== "object" || value === null) return [[prefix, String(value)]];
  if (Array.isArray(value) && value.every((item) => typeof item !== "object")) return [[prefix, value.join(", ")]];
  return Object.entries(value).flatMap(([key, inner]) => flattened(inner, prefix === "" ? key : `${prefix}.${key}`));
}

export interface AlertLine {
  rule: string;
  /** Says where, and since when. */
  message: string;
  over: boolean;
  /** Whether it lasts. */
  end: string;
}

export function alertLines(alerts: readonly v1.Alert.$Properties[]): AlertLine[] {
  return alerts.map(({ rule = 0, message = "", over = false, overStep = 0 }) => ({
    rule: ALERT_NAMES[rule] ?? ALERT_NAMES[0]!,
    message,
    over,
    end: over ? `over since step ${formatWhole(overStep)}` : "not over",
  }));
}
