// Every layer's counts at the step cursor, for each run on screen.
import { useEffect } from "react";
import type { HistoryQuery, SplitName } from "../api/client.ts";
import type { Arrival } from "./arrival.ts";
import type { Bucket } from "./bucket.ts";
import { attemptParameter } from "./chosen-runs.ts";
import { liveStore } from "./collector.ts";
import { type Cursor, stepsAt } from "./cursor.ts";
import type { RunHistory } from "./run-history.ts";
import { isLive } from "./run-state.ts";
import { useHistories } from "./use-histories.ts";

export interface StepBucketAnswer {
  bucket: Bucket | undefined;
  error: Error | undefined;
  status: Arrival;
  /** What was asked; undefined where the step came live. */
  path: string | undefined;
}

/** One answer for each run, in order; following live, the newest step needs no request. */
export function useStepBuckets(runs: readonly RunHistory[], cursor: Cursor, split: SplitName): StepBucketAnswer[] {
  const follows = cursor.live && runs.some(({ chosen }) => isLive(chosen.summary));
  useEffect(() => (follows ? liveStore.keepNewest() : undefined), [follows]);
  const queries = runs.map(({ chosen, buckets, newest }): HistoryQuery | undefined => {
    const steps = stepsAt(cursor.step, buckets, split === "train");
    if (steps === undefined || (cursor.live && newest !== undefined)) return undefined;
    return { run: chosen.id, split, ...steps, points: 1, layers: "all", ...attemptParameter(chosen) };
  });
  const answers = useHistories(queries);
  return runs.map(({ newest, status: arrival }, place): StepBucketAnswer => {
    if (cursor.live && newest !== undefined)
      return { bucket: newest, error: undefined, status: "ready", path: undefined };
    if (queries[place] === undefined) return { bucket: undefined, error: undefined, status: arrival, path: undefined };
    const { history, error, status, path } = answers[place]!;
    return { bucket: history?.buckets[0], error, status, path };
  });
}
