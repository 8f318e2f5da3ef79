// The run list: which runs match the search, and what stands in their rows.
import type { v1 } from "@moescope/proto";
import { hasSteps, type Progress, progressOf, type RunState, stateOf } from "../data/run-state.ts";
import { formatRatio, formatValue } from "../format/number.ts";
import { strategyName } from "../format/strategy.ts";

export interface RailRow {
  id: string;
  name: string;
  strategy: string;
  state: RunState;
  progress: Progress;
  loss: string;
  maxViolation: string;
  /** Index into the run colours. */
  colour: number;
  shown: boolean;
}

/** @param search words that all have to occur in the id, name, strategy, recipe, state or a tag */
export function railRows(
  summaries: readonly v1.RunSummary.$Properties[],
  colours: ReadonlyMap<string, number>,
  shown: ReadonlySet<string>,
  search: string,
): RailRow[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return summaries
    .filter((summary) => words.every((word) => searchText(summary).includes(word)))
    .map((summary) => rowOf(summary, colours, shown));
}

function searchText(summary: v1.RunSummary.$Properties): string {
  const { id = "", name = "", strategy = "", recipe = "", tags = [], seed = 0 } = summary.run ?? {};
  return [id, name, strategy, strategyName(strategy), recipe, ...tags, `seed ${seed}`, stateOf(summary)]
    .join("\n")
    .toLowerCase();
}

function rowOf(
  summary: v1.RunSummary.$Properties,
  colours: ReadonlyMap<string, number>,
  shown: ReadonlySet<string>,
): RailRow {
  const id = summary.run?.id ?? "";
  const started = hasSteps(summary);
  return {
    id,
    name: summary.run?.name || id,
    strategy: strategyName(summary.run?.strategy),
    state: stateOf(summary),
    progress: progressOf(summary),
    loss: started ? formatValue(summary.loss ?? Number.NaN) : "–",
    maxViolation: started && Number.isFinite(summary.maxViolation) ? formatRatio(summary.maxViolation!) : "–",
    colour: colours.get(id) ?? 0,
    shown: shown.has(id),
  };
}
