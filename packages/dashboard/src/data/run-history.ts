// A chosen run with its history, as models take it.
import type { Arrival } from "./arrival.ts";
import type { Bucket } from "./bucket.ts";
import type { ChosenRun } from "./chosen-runs.ts";
import type { RunTimeline } from "./run-timeline.ts";

export interface RunHistory {
  chosen: ChosenRun;
  buckets: readonly Bucket[];
  /** Buckets before the first one: of a run that is zoomed into, at the resolution of the whole run; else none. */
  lead: readonly Bucket[];
  /** Steps in a bucket. */
  width: number;
  status: Arrival;
  newest: Bucket | undefined;
}

/** Every chosen run with the buckets of its timeline; loading until it has one. */
export function withBuckets(chosen: readonly ChosenRun[], timelines: readonly RunTimeline[]): RunHistory[] {
  return chosen.map((run) => {
    const timeline = timelines.find((each) => each.run === run.id);
    if (timeline === undefined)
      return { chosen: run, buckets: [], lead: [], width: 1, status: "loading", newest: undefined };
    const { buckets, width, status, newest } = timeline;
    return { chosen: run, buckets, lead: [], width, status, newest };
  });
}
