// State and progress of a run, in the words of the screen.
import { v1 } from "@moescope/proto";
import { formatWhole } from "../format/number.ts";

export type RunState = "live" | "silent" | "finished" | "stopped" | "failed" | "unknown";

export interface Progress {
  /** "120 of 300" or "120". */
  text: string;
  /** 0..1; undefined when the run is open-ended. */
  share: number | undefined;
}

/** @returns the state in the words of the screen */
export function stateOf(summary: v1.RunSummary.$Properties): RunState {
  const { LIVE, SILENT, FINISHED, STOPPED, FAILED } = v1.RunSummary.State;
  const words = new Map<number | undefined, RunState>([
    [LIVE, "live"],
    [SILENT, "silent"],
    [FINISHED, "finished"],
    [STOPPED, "stopped"],
    [FAILED, "failed"],
  ]);
  return words.get(summary.state) ?? "unknown";
}

/** Steps made, against those planned. */
export function progressOf(summary: v1.RunSummary.$Properties): Progress {
  const made = hasSteps(summary) ? (summary.lastStep ?? 0) + 1 : 0;
  const planned = summary.run?.plannedSteps ?? 0;
  if (planned === 0) return { text: formatWhole(made), share: undefined };
  return { text: `${formatWhole(made)} of ${formatWhole(planned)}`, share: Math.min(1, made / planned) };
}

/** Whether any training step is stored. */
export function hasSteps(summary: v1.RunSummary.$Properties): boolean {
  return (summary.steps ?? 0) > 0;
}

export function isLive(summary: v1.RunSummary.$Properties): boolean {
  return summary.state === v1.RunSummary.State.LIVE;
}
