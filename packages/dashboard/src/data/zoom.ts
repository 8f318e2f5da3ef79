// A run's history cut to the steps that the charts are zoomed to.
import type { v1 } from "@moescope/proto";
import type { HistoryQuery } from "../api/client.ts";
import type { Bucket } from "./bucket.ts";
import { attemptParameter, type ChosenRun } from "./chosen-runs.ts";
import { type Cursor, settledStep } from "./cursor.ts";
import type { RunHistory } from "./run-history.ts";
import { hasSteps, isLive } from "./run-state.ts";
import type { RunTimeline } from "./run-timeline.ts";

/** Steps, both included. */
export type StepRange = readonly [from: number, to: number];

/**
 * What to fetch to see a range at screen resolution.
 *
 * @param growing whether more steps may come: then the end moves in strides, and the timeline fills in what came since
 * @returns undefined where the timeline has every step already, or the range has none
 */
export function zoomQuery(
  { run, split, layer, attempt, width, buckets }: RunTimeline,
  [from, to]: StepRange,
  points: number,
  growing: boolean,
): HistoryQuery | undefined {
  const last = buckets.at(-1)?.lastStep ?? -1;
  if (width === 1 || last < from) return undefined;
  const settled = growing ? Math.max(from, settledStep(last)) : last;
  const end = Math.min(to, settled);
  // Whole buckets: one that is cut has fewer steps than its neighbours, and its mean wavers more.
  let bucket = 1;
  while (Math.floor(end / bucket) - Math.floor(from / bucket) + 1 > points) bucket *= 2;
  return {
    run,
    split,
    from: Math.floor(from / bucket) * bucket,
    to: Math.min((Math.floor(end / bucket) + 1) * bucket - 1, settled),
    points,
    layers: layer === undefined ? [] : [layer],
    ...attemptParameter({ attempt }),
  };
}

/**
 * What to ask for to see a run as it is on screen: its attempt, and all its steps or a range of them. While the run goes on, their end
 * moves in strides. While its history is on its way the summary says where it ends, so that one request need not wait for another.
 *
 * @param range undefined: the whole run
 * @returns undefined while there are no steps
 */
export function shownQuery(
  { chosen, buckets, status }: Pick<RunHistory, "chosen" | "buckets" | "status">,
  range: StepRange | undefined,
): (Pick<HistoryQuery, "run" | "from" | "to" | "attempt"> & { from: number; to: number }) | undefined {
  const last = buckets.at(-1)?.lastStep ?? (status === "loading" ? lastStepOf(chosen) : -1);
  const [from, to] = range ?? [0, last];
  if (last < from) return undefined;
  const settled = isLive(chosen.summary) ? Math.max(from, settledStep(last)) : last;
  return { run: chosen.id, from, to: Math.min(to, settled), ...attemptParameter(chosen) };
}

/** Newest training step of the run, or of the attempt on screen; −1 while there is none. */
function lastStepOf({ summary, attempt }: ChosenRun): number {
  if (!hasSteps(summary)) return -1;
  const shown = summary.attempts?.find((each) => attempt !== undefined && (each.attempt ?? 0) === attempt);
  return (shown ?? summary).lastStep ?? 0;
}

/**
 * The whole run's history cut to a range, finer where the detail is here.
 *
 * @param detail the answer to `zoomQuery`, or meanwhile to one for another range of the same split and layer; undefined while none is here
 */
export function zoomedHistory(whole: RunHistory, [from, to]: StepRange, detail: v1.History | undefined): RunHistory {
  const within = ({ firstStep = 0, lastStep = 0 }: Bucket) => lastStep >= from && firstStep <= to;
  const lead = whole.buckets.filter(({ lastStep = 0 }) => lastStep < from);
  const fine = (detail?.buckets ?? []).filter(within);
  if (fine.length === 0) return { ...whole, lead, buckets: whole.buckets.filter(within) };
  const [fineFrom, fineTo] = [fine[0]!.firstStep ?? 0, fine.at(-1)!.lastStep ?? 0];
  const before = whole.buckets.filter((bucket) => within(bucket) && (bucket.lastStep ?? 0) < fineFrom);
  const after = whole.buckets.filter((bucket) => within(bucket) && (bucket.firstStep ?? 0) > fineTo);
  return { ...whole, lead, width: detail!.bucketWidth || 1, buckets: [...before, ...fine, ...after] };
}

/** Fewer steps are not worth a chart. */
const FEWEST = 4;

/**
 * @param factor of the length: a half zooms in, two zoom out
 * @returns the range around the step cursor, kept within the run; undefined for the whole run
 */
export function zoomAround(
  range: StepRange | undefined,
  { step, last }: Cursor,
  factor: number,
): readonly [number, number] | undefined {
  if (last < 0) return range;
  const [from, to] = range ?? [0, last];
  const length = Math.max(FEWEST, Math.round((to - from + 1) * factor));
  if (length > last) return undefined;
  const centre = step >= from && step <= to ? step : (from + to) / 2;
  const first = Math.min(last - length + 1, Math.max(0, Math.round(centre - length / 2)));
  return [first, first + length - 1];
}
