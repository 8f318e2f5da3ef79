// Histories asked of the collector, for views that need more than the timelines on screen.
import type { v1 } from "@moescope/proto";
import { type UseQueryResult, useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { type HistoryQuery, historyPath } from "../api/client.ts";
import type { Arrival } from "./arrival.ts";
import { client } from "./collector.ts";

export interface HistoryAnswer {
  history: v1.History | undefined;
  error: Error | undefined;
  status: Arrival;
  /** What was asked, for a card's `requests`; undefined where nothing was. */
  path: string | undefined;
}

/**
 * One answer for each query, in order; asked once and kept, also for the next view that asks the same. Stored steps do not change: give the
 * first and the last step, and a last step that moves in strides while a run goes on (`settledStep`).
 *
 * @param wanted undefined where there is nothing to ask: its answer is ready and empty
 */
export function useHistories(wanted: readonly (HistoryQuery | undefined)[]): HistoryAnswer[] {
  // Two of the same are one question: React Query answers each once.
  const different = new Map(wanted.flatMap((query) => (query === undefined ? [] : [[historyPath(query), query]])));
  const answers = useQueries({
    queries: [...different].map(([path, query]) => ({
      queryKey: ["history", path],
      queryFn: ({ signal }: { signal: AbortSignal }) => client.history(query, signal),
      staleTime: Number.POSITIVE_INFINITY,
    })),
    combine: answersOf,
  });
  const paths = wanted.map((query) => query && historyPath(query));
  const asked = [...different.keys()];
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is asked is known by its paths
  return useMemo(
    () => paths.map((path) => (path === undefined ? NOTHING : { ...answers[asked.indexOf(path)]!, path })),
    [answers, paths.join(" ")],
  );
}

const NOTHING: HistoryAnswer = { history: undefined, error: undefined, status: "ready", path: undefined };

function answersOf(results: readonly UseQueryResult<v1.History>[]): Omit<HistoryAnswer, "path">[] {
  return results.map(({ data, error, isLoading }) => {
    const status = isLoading ? "loading" : error === null ? "ready" : "failed";
    return { history: data, error: error ?? undefined, status };
  });
}
