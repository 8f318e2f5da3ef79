// Every layer's counts at the step cursor, for each run on screen.
import { useQueries } from "@tanstack/react-query";
import type { SplitName } from "../api/client.ts";
import type { Arrival } from "./arrival.ts";
import type { Bucket } from "./bucket.ts";
import { client } from "./collector.ts";
import { type Cursor, stepsAt } from "./cursor.ts";
import type { RunHistory } from "./run-history.ts";

export interface StepBucketAnswer {
  bucket: Bucket | undefined;
  error: Error | undefined;
  status: Arrival;
}

/** One answer for each run, in order; following live, the newest step needs no request. */
export function useStepBuckets(runs: readonly RunHistory[], cursor: Cursor, split: SplitName): StepBucketAnswer[] {
  const wanted = runs.map(({ buckets }) => stepsAt(cursor.step, buckets, split === "train"));
  const answers = useQueries({
    queries: runs.map(({ chosen: { id: run }, newest }, place) => {
      const steps = wanted[place];
      return {
        queryKey: ["step", run, split, steps?.from, steps?.to],
        queryFn: async ({ signal }: { signal: AbortSignal }) => {
          const history = await client.history({ run, split, ...steps, points: 1, layers: "all" }, signal);
          return history.buckets[0] ?? null;
        },
        enabled: steps !== undefined && !(cursor.live && newest !== undefined),
        staleTime: Number.POSITIVE_INFINITY,
      };
    }),
  });
  return runs.map(({ newest, status }, place): StepBucketAnswer => {
    if (cursor.live && newest !== undefined) return { bucket: newest, error: undefined, status: "ready" };
    if (wanted[place] === undefined) return { bucket: undefined, error: undefined, status };
    const { data, error, isLoading } = answers[place]!;
    const arrival = isLoading ? "loading" : error === null ? "ready" : "failed";
    return { bucket: data ?? undefined, error: error ?? undefined, status: arrival };
  });
}
