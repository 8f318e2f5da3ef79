// The step cursor: one step that every view and table follows.
import type { Axis } from "../address/address.ts";
import { type Bucket, positionOf } from "./bucket.ts";

export interface Cursor {
  /** Follows the newest step. */
  live: boolean;
  /** Step pointed at; −1 while there is none. */
  step: number;
  /** Newest step of the runs on screen; −1 while there is none. */
  last: number;
  /** Steps that one press of an arrow key moves: one point of the charts. */
  stride: number;
}

/** @param timelines histories of the runs on screen, with their steps a bucket */
export function cursorOf(
  wanted: "live" | number,
  timelines: readonly { buckets: readonly Bucket[]; width: number }[],
): Cursor {
  const last = Math.max(-1, ...timelines.map(({ buckets }) => buckets.at(-1)?.lastStep ?? -1));
  const stride = Math.max(1, ...timelines.map(({ width }) => width));
  const live = wanted === "live" || last < 0;
  return { live, step: live ? last : Math.min(wanted, last), last, stride };
}

/** @returns the step `moves` strides away, kept within the run; `live` when it reaches the end */
export function moveCursor({ step, last, stride }: Cursor, moves: number): "live" | number {
  const next = step + moves * stride;
  return next >= last ? "live" : Math.max(0, next);
}

/**
 * @param consecutive whether the split has every step, so that a step can be asked for by its number alone
 * @returns the steps to ask for to see a run at the cursor: the step itself, or the bucket that has the newest one up to it
 */
export function stepsAt(
  step: number,
  buckets: readonly Bucket[],
  consecutive: boolean,
): { from: number; to: number } | undefined {
  const covering = buckets.findLast(({ firstStep }) => (firstStep ?? 0) <= step);
  if (covering === undefined) return undefined;
  const to = Math.min(step, covering.lastStep ?? 0);
  return consecutive ? { from: to, to } : { from: covering.firstStep ?? 0, to: covering.lastStep ?? 0 };
}

/**
 * A step at or a little before the newest one, that stays the same for a while as a run goes on: what is added up to it need not be
 * fetched again for every step.
 */
export function settledStep(last: number): number {
  const grain = 2 ** Math.max(0, Math.floor(Math.log2((last + 1) / 32)));
  return last < 32 ? last : Math.floor((last + 1) / grain) * grain - 1;
}

/** @returns where the cursor stands on the x axis, after the run that got furthest; undefined while it follows the newest step */
export function cursorPosition(
  { live, step }: Cursor,
  runs: readonly { chosen: { run: { startedAt?: number } }; buckets: readonly Bucket[] }[],
  axis: Axis,
): number | undefined {
  if (live || axis === "step") return live ? undefined : step;
  const furthest = runs.reduce<(typeof runs)[number] | undefined>(
    (best, run) => ((best?.buckets.at(-1)?.lastStep ?? -1) >= (run.buckets.at(-1)?.lastStep ?? -1) ? best : run),
    undefined,
  );
  const bucket = furthest?.buckets.findLast(({ firstStep }) => (firstStep ?? 0) <= step);
  return bucket === undefined ? undefined : positionOf(bucket, axis, furthest!.chosen.run.startedAt ?? 0);
}
