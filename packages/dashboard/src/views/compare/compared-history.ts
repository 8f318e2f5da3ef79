// Which runs are compared, and the histories that are asked for them.
import type { HistoryQuery, SplitName } from "../../api/client.ts";
import type { Bucket } from "../../data/bucket.ts";
import { attemptOf, attemptParameter, idOf } from "../../data/chosen-runs.ts";
import { settledStep } from "../../data/cursor.ts";
import { hasSteps, isLive } from "../../data/run-state.ts";
import type { StepRange } from "../../data/zoom.ts";
import type { Summary } from "./arms.ts";

export interface ComparedHistory {
  buckets: readonly Bucket[];
  /** Steps in a bucket. */
  width: number;
}

/** Runs compared at once: lines are means, so more than can be told apart, but every one is a request. */
export const MOST_COMPARED = 60;

/** Buckets asked of each run: a mean over runs needs no more. */
const POINTS = 200;

/**
 * @param runs as they are listed
 * @returns the newest ones, as many as can be compared
 */
export function newestRuns(runs: readonly Summary[]): Summary[] {
  return runs.toSorted((a, b) => (b.run?.startedAt ?? 0) - (a.run?.startedAt ?? 0)).slice(0, MOST_COMPARED);
}

/** What is compared of every run. */
export interface ComparedSteps {
  split: SplitName;
  range: StepRange | undefined;
  /** Attempt of the runs that have it; undefined: of overlapping attempts the newest. */
  attempt: number | undefined;
}

/** @returns undefined where there is nothing to ask: no step in the range */
export function comparedQuery(summary: Summary, { split, range, attempt }: ComparedSteps): HistoryQuery | undefined {
  const steps = stepsOf(summary, range, attempt);
  const chosen = attemptParameter({ attempt: attemptOf(summary, attempt) });
  return steps && { run: idOf(summary), split, from: steps[0], to: steps[1], points: POINTS, ...chosen };
}

/**
 * @returns the stored steps of a run within a range, both ends included; of a live one as far as it is settled, its newest step left out:
 *   the evaluation and the other ranks of that may be on their way, and an answer is kept
 */
export function stepsOf(summary: Summary, range: StepRange | undefined, attempt?: number): StepRange | undefined {
  if (!hasSteps(summary)) return undefined;
  const chosen = attemptOf(summary, attempt);
  const shown = summary.attempts?.find((each) => chosen !== undefined && (each.attempt ?? 0) === chosen) ?? summary;
  const newest = shown.lastStep ?? 0;
  const last = isLive(summary) ? settledStep(newest - 1) : newest;
  const [from, to] = range ?? [0, last];
  return from > last ? undefined : [from, Math.min(to, last)];
}
