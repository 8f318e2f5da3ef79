// Histories asked of the collector, for views that need more than the timelines on screen.
import type { v1 } from "@moescope/proto";
import { useQueries } from "@tanstack/react-query";
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
  return useQueries({
    queries: wanted.map((query) => ({
      queryKey: ["history", query === undefined ? undefined : historyPath(query)],
      queryFn: ({ signal }: { signal: AbortSignal }) => client.history(query!, signal),
      enabled: query !== undefined,
      staleTime: Number.POSITIVE_INFINITY,
    })),
    combine: (answers) =>
      answers.map(({ data, error, isLoading }, place): HistoryAnswer => {
        const query = wanted[place];
        const status = isLoading ? "loading" : error === null ? "ready" : "failed";
        return { history: data, error: error ?? undefined, status, path: query && historyPath(query) };
      }),
  });
}
