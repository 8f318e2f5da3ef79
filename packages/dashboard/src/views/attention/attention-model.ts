// Which probes the attention view shows, and what its two figures say in a sentence.
import type { HeadCategory } from "@moescope/metrics";
import { headCategories } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import type { SheetReading } from "../../components/sheet-reading.ts";
import type { Arrival } from "../../data/arrival.ts";
import type { ChosenRun } from "../../data/chosen-runs.ts";
import { type AttentionByTokenModel, attentionLayers } from "../../figures/attention-by-token-model.ts";
import type { HeadsByBinModel } from "../../figures/heads-by-bin-model.ts";
import { spreadLayers } from "../../figures/run-steps.ts";
import { formatPercent } from "../../format/number.ts";
import { joinWords, plural } from "../../format/sentence.ts";

/** What is known of one run's probes. */
export interface ProbeAnswer {
  chosen: ChosenRun;
  /** Steps of all its probes, ascending. */
  steps: readonly number[];
  /** The newest at or before the cursor. */
  probe: v1.Probe.$Properties | undefined;
  /** The newest of all. */
  newest: v1.Probe.$Properties | undefined;
  status: Arrival;
  error: Error | undefined;
}

/** @returns step of the newest probe at or before a step */
export function probeAt(steps: readonly number[], step: number): number | undefined {
  return steps.findLast((each) => each <= step);
}

/** Steps of the probes of all runs, ascending, and where the cursor stands among them. */
export interface ProbeSteps {
  steps: number[];
  /** Index of the newest at or before the cursor; −1 before the first. */
  place: number;
}

export function probeSteps(answers: readonly Pick<ProbeAnswer, "steps">[], cursor: number): ProbeSteps {
  const steps = [...new Set(answers.flatMap((answer) => answer.steps))].sort((a, b) => a - b);
  return { steps, place: steps.findLastIndex((step) => step <= cursor) };
}

/** What stands in the view: figures, or why there are none. */
export type AttentionState =
  | { kind: "ready"; without: string | undefined }
  | { kind: "loading" }
  | { kind: "failed"; text: string }
  /** No chosen run was probed at all. */
  | { kind: "never" }
  /** The first probe comes after the cursor. */
  | { kind: "later"; first: number };

export function attentionState(answers: readonly ProbeAnswer[]): AttentionState {
  const probed = answers.filter(({ probe }) => probe !== undefined);
  if (probed.length > 0) return { kind: "ready", without: withoutProbe(answers) };
  if (answers.some(({ status }) => status === "loading")) return { kind: "loading" };
  const failed = answers.find(({ error }) => error !== undefined)?.error;
  if (failed) return { kind: "failed", text: failed.message };
  const first = Math.min(...answers.flatMap(({ steps }) => steps[0] ?? []));
  return Number.isFinite(first) ? { kind: "later", first } : { kind: "never" };
}

/** Which of the chosen runs are left out, in a sentence. */
function withoutProbe(answers: readonly ProbeAnswer[]): string | undefined {
  const without = answers.filter(({ status, probe }) => status === "ready" && probe === undefined);
  const parts = without.map(({ chosen, steps }) =>
    steps.length === 0 ? `${chosen.label} was not probed` : `the first probe of ${chosen.label} is of step ${steps[0]}`,
  );
  return parts.length === 0 ? undefined : `Left out: ${joinWords(parts)}.`;
}

/** @returns layers that any probe has the attention of, ascending */
export function probedLayers(probes: readonly v1.Probe.$Properties[]): number[] {
  return [...new Set(probes.flatMap(attentionLayers))].sort((a, b) => a - b);
}

/** @returns the wanted layers as far as they were probed; without any, the first, the middle and the last */
export function shownLayers(wanted: readonly number[] | undefined, probed: readonly number[]): number[] {
  const known = (wanted ?? []).filter((layer) => probed.includes(layer));
  return known.length > 0 ? known.toSorted((a, b) => a - b) : spreadLayers(probed);
}

/** @param labels name of each run on screen, by id */
export function attentionSentence(
  { classes, runs }: AttentionByTokenModel,
  labels: ReadonlyMap<string, string>,
): string {
  const parts = runs.map(({ run, step, layers, uniform }) => {
    const totals = layers.map(({ layer, percentages }) => ({ layer, total: sum(percentages) }));
    const most = totals.reduce((a, b) => (b.total > a.total ? b : a));
    const even = uniform === undefined ? "" : `, where even attention would give ${formatPercent(uniform / 100)}`;
    return `${formatPercent(most.total / 100)} in layer ${most.layer} of ${labels.get(run) ?? run} at step ${step}${even}`;
  });
  return `${joinWords(classes)} ${classes.length === 1 ? "gets" : "get"} at most ${joinWords(parts)}.`;
}

export function attentionReading(
  { classes, runs }: AttentionByTokenModel,
  { group, bar }: { group: number; bar: number },
  labels: ReadonlyMap<string, string>,
): SheetReading {
  const { run, step, layers } = runs[bar]!;
  const { layer, percentages } = layers[group]!;
  return {
    title: `Layer ${layer}, ${labels.get(run) ?? run}, step ${step}`,
    lines: classes.map((name, place) => `${name}: ${formatPercent(percentages[place]! / 100)}`).reverse(),
  };
}

/** @param labels name of each run on screen, by id */
export function binsSentence({ runs }: HeadsByBinModel, labels: ReadonlyMap<string, string>): string {
  const parts = runs.map(({ run, step, bins }) => {
    const counts = headCategories.map((_, place) => sum(bins.map((bin) => bin.counts[place]!)));
    const present = headCategories.flatMap((category, place) =>
      counts[place] === 0 ? [] : [`${counts[place]} ${headName(category)}`],
    );
    return `${labels.get(run) ?? run} at step ${step}: ${present.join(", ")} of ${plural(sum(counts), "head")}`;
  });
  return `${parts.join("; ")}.`;
}

export function binReading(
  { bins, runs }: HeadsByBinModel,
  { group, bar }: { group: number; bar: number },
  labels: ReadonlyMap<string, string>,
): SheetReading {
  const { first, last } = bins[group]!;
  const { run, bins: own } = runs[bar]!;
  const { counts, percentages } = own[group]!;
  const lines = headCategories.flatMap((category, place) =>
    counts[place] === 0 ? [] : [`${headName(category)}: ${plural(counts[place]!, "head")}, ${percentages[place]} %`],
  );
  const where = first === last ? `Layer ${first}` : `Layers ${first}–${last}`;
  return { title: `${where}, ${labels.get(run) ?? run}`, lines: lines.reverse() };
}

/** A category of heads in the words of the screen. */
export function headName(category: HeadCategory): string {
  if (category === "first-token") return "first-token sink";
  return category === "previous-token" ? "previous token" : category;
}

/** Of the values that are numbers. */
function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + (value || 0), 0);
}
