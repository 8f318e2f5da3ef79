// The histories of the runs on screen, zoomed: fetched at screen resolution for the range in the address.
import type { v1 } from "@moescope/proto";
import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import type { HistoryQuery } from "../api/client.ts";
import { client, queries } from "./collector.ts";
import type { RunHistory } from "./run-history.ts";
import { isLive } from "./run-state.ts";
import type { RunTimeline } from "./run-timeline.ts";
import { type StepRange, zoomedHistory, zoomQuery } from "./zoom.ts";

/** Buckets asked for: two pixels each on a wide screen. */
const POINTS = 400;

export interface Zoomed {
  histories: RunHistory[];
  /** What was asked of the collector beyond the whole runs. */
  queries: HistoryQuery[];
  error: Error | undefined;
}

/**
 * @param wholes histories of whole runs
 * @param timelines where they come from, in the same order as far as there are any
 * @param range undefined: not zoomed
 */
export function useZoomed(
  wholes: readonly RunHistory[],
  timelines: readonly RunTimeline[],
  range: StepRange | undefined,
): Zoomed {
  const wanted = wholes.map(({ chosen }) => {
    const timeline = timelines.find(({ run }) => run === chosen.id);
    return timeline && range && zoomQuery(timeline, range, POINTS, isLive(chosen.summary));
  });
  const { details, error } = useQueries({
    queries: wholes.map(({ chosen }, place) => ({
      queryKey: keyOf(chosen.id, wanted[place]),
      queryFn: ({ signal }: { signal: AbortSignal }) => client.history(wanted[place]!, signal),
      enabled: wanted[place] !== undefined,
      staleTime: Number.POSITIVE_INFINITY,
      // What is outside the range is cut away; what is inside stays until the finer answer is here.
      placeholderData: () => newestAnswer(keyOf(chosen.id, wanted[place]).slice(0, 5)),
    })),
    combine: (answers) => ({
      details: answers.map(({ data }) => data),
      error: answers.find((answer) => answer.error !== null)?.error ?? undefined,
    }),
  });
  const histories = useMemo(
    () =>
      range === undefined ? [...wholes] : wholes.map((whole, place) => zoomedHistory(whole, range, details[place])),
    [wholes, range, details],
  );
  return { histories, error, queries: wanted.filter((query) => query !== undefined) };
}

function keyOf(run: string, query: HistoryQuery | undefined): readonly unknown[] {
  return ["zoom", run, query?.split, query?.layers, query?.attempt, query?.from, query?.to];
}

function newestAnswer(queryKey: readonly unknown[]): v1.History | undefined {
  return queries.getQueriesData<v1.History>({ queryKey }).findLast(([, data]) => data !== undefined)?.[1];
}
