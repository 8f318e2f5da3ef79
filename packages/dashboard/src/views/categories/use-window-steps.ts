// What the view is drawn from: each run's steps of the window added up, and its history as far as information needs it.
import { keepPreviousData, useQueries } from "@tanstack/react-query";
import { type HistoryQuery, historyPath } from "../../api/client.ts";
import { type Arrival, arrivalOf } from "../../data/arrival.ts";
import { client } from "../../data/collector.ts";
import { settledStep } from "../../data/cursor.ts";
import type { RunHistory } from "../../data/run-history.ts";
import { isLive } from "../../data/run-state.ts";
import type { Scene } from "../../data/scene.ts";
import type { LabelledSteps } from "./affinity-model.ts";
import { figureWindow } from "./categories-model.ts";
import { informationPoints } from "./information-model.ts";

export interface Fetched<T> {
  sources: T[];
  arrival: Arrival;
  error: Error | undefined;
  /** Paths of the requests. */
  requests: string[];
}

/** The window of each run as one bucket, with the counts of every layer. */
export function useWindowSteps({ address, histories: runs, split }: Scene): Fetched<LabelledSteps> {
  const wanted = runs.flatMap(({ chosen, buckets }) => {
    const window = figureWindow(address.window, buckets.at(-1)?.lastStep ?? -1, isLive(chosen.summary));
    if (window === undefined) return [];
    const query: HistoryQuery = { run: chosen.id, split, from: window[0], to: window[1], points: 1, layers: "all" };
    return [{ chosen, query }];
  });
  const queries = wanted.map(({ query }) => query);
  return useQueries({
    queries: queries.map((query) => ({
      queryKey: ["window", query],
      queryFn: ({ signal }: { signal: AbortSignal }) => client.history(query, signal),
      staleTime: Number.POSITIVE_INFINITY,
    })),
    combine: (answers) => ({
      sources: answers.flatMap(({ data: history }, place) => {
        const { run, label } = wanted[place]!.chosen;
        return history?.buckets.length ? [{ run, label, history }] : [];
      }),
      arrival: answers.some(({ isLoading }) => isLoading) ? "loading" : arrivalOf(runs.map(({ status }) => status)),
      error: answers.find(({ error }) => error !== null)?.error ?? undefined,
      requests: queries.map(historyPath),
    }),
  });
}

/** Each run over its steps, or over those zoomed to, with the counts of these layers. A live run's grows in strides. */
export function useLayerHistories({ address, histories: runs, split }: Scene, layers: readonly number[]) {
  const wanted = runs.flatMap((run) => {
    const { chosen, buckets } = run;
    const own = layers.filter((layer) => chosen.run.moeLayers?.includes(layer));
    const last = buckets.at(-1)?.lastStep ?? -1;
    if (own.length === 0 || last < 0) return [];
    const [from, to] = address.range ?? [0, isLive(chosen.summary) ? settledStep(last) : last];
    const { experts = 0, categories = [] } = chosen.run;
    const points = informationPoints(own.length, experts, categories.length);
    const query: HistoryQuery = { run: chosen.id, split, from, to, points, layers: own };
    return [{ run, query }];
  });
  const queries = wanted.map(({ query }) => query);
  return useQueries({
    queries: queries.map((query) => ({
      queryKey: ["layers over steps", query],
      queryFn: ({ signal }: { signal: AbortSignal }) => client.history(query, signal),
      placeholderData: keepPreviousData,
      staleTime: Number.POSITIVE_INFINITY,
    })),
    combine: (answers): Fetched<Pick<RunHistory, "chosen" | "buckets" | "lead">> => ({
      sources: answers.flatMap(({ data }, place) =>
        data === undefined ? [] : [{ chosen: wanted[place]!.run.chosen, buckets: data.buckets, lead: [] }],
      ),
      arrival: answers.some(({ isLoading }) => isLoading) ? "loading" : arrivalOf(runs.map(({ status }) => status)),
      error: answers.find(({ error }) => error !== null)?.error ?? undefined,
      requests: queries.map(historyPath),
    }),
  });
}
