// What stands in the rows of the run list.
import type { v1 } from "@moescope/proto";
import type { RunMarks } from "../data/run-marks.ts";
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
  pinned: boolean;
}

export function railRow(
  summary: v1.RunSummary.$Properties,
  colours: ReadonlyMap<string, number>,
  shown: ReadonlySet<string>,
  marks: RunMarks,
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
    pinned: marks[id]?.pinned === true,
  };
}
