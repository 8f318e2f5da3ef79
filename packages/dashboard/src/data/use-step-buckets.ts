// Every layer's counts at the step cursor, for each run on screen.
import { keepPreviousData, useQueries } from "@tanstack/react-query";
import type { SplitName } from "../api/client.ts";
import type { Bucket } from "./bucket.ts";
import { client } from "./collector.ts";
import { type Cursor, stepsAt } from "./cursor.ts";
import type { RunTimeline } from "./live-store.ts";

export interface StepBucketAnswer {
  bucket: Bucket | undefined;
  error: Error | undefined;
  loading: boolean;
}

/** One answer for each timeline, in order; following live, the newest step needs no request. */
export function useStepBuckets(
  timelines: readonly RunTimeline[],
  cursor: Cursor,
  split: SplitName,
): StepBucketAnswer[] {
  const answers = useQueries({
    queries: timelines.map(({ run, buckets, newest }) => {
      const steps = stepsAt(cursor.step, buckets, split === "train");
      const isNewest = cursor.live && newest !== undefined;
      return {
        queryKey: ["step", run, split, steps?.from, steps?.to],
        queryFn: async ({ signal }: { signal: AbortSignal }) => {
          const history = await client.history({ run, split, ...steps, points: 1, layers: "all" }, signal);
          return history.buckets[0] ?? null;
        },
        enabled: steps !== undefined && !isNewest,
        placeholderData: keepPreviousData,
        staleTime: Number.POSITIVE_INFINITY,
      };
    }),
  });
  return timelines.map(({ newest }, place) => {
    const { data, error, isLoading } = answers[place]!;
    const bucket = cursor.live && newest !== undefined ? newest : (data ?? undefined);
    return { bucket, error: error ?? undefined, loading: isLoading };
  });
}
