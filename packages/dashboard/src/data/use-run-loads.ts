// Fetches the loads of all layers of the runs on screen, and of runs that go on what was added.
import { useQueries } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { historyPath, type SplitName } from "../api/client.ts";
import type { Arrival } from "./arrival.ts";
import type { ChosenRun } from "./chosen-runs.ts";
import { client, queries } from "./collector.ts";
import type { RunHistory } from "./run-history.ts";
import { grownLoads, growthQuery, loadQuery, packLoads, type RunLoads } from "./run-loads.ts";
import { isLive } from "./run-state.ts";
import { type StepRange, shownQuery } from "./zoom.ts";

/** Loads of a run that nobody looks at are let go after this time, milliseconds: they are large. */
const KEPT = 60_000;

export interface LoadsAnswer {
  loads: RunLoads | undefined;
  status: Arrival;
  error: Error | undefined;
  /** What was asked. */
  paths: readonly string[];
}

export interface WantedLoads {
  histories: readonly RunHistory[];
  /** Steps, both included; undefined: whole runs. */
  range: StepRange | undefined;
  split: SplitName;
}

type Wanted = NonNullable<ReturnType<typeof loadQuery>>;

/** One answer for each run, in order. Of a run that goes on, an answer is waited for before more is asked. */
export function useRunLoads({ histories, range, split }: WantedLoads): LoadsAnswer[] {
  const underWay = useRef<ReadonlyMap<string, Wanted>>(new Map());
  const asked = histories.map((history) => {
    const wanted = wantedOf(history, range, split);
    return wanted && (underWay.current.get(keyOf(history, wanted).join()) ?? wanted);
  });
  const answers = useQueries({
    queries: histories.map((history, place) => {
      const query = asked[place];
      const key = keyOf(history, query);
      return {
        queryKey: [...key, query?.to],
        queryFn: ({ signal }: { signal: AbortSignal }) => fetchLoads(history.chosen, query!, newestLoads(key), signal),
        enabled: query !== undefined,
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: KEPT,
        // While a run goes on, what is known of it stays until more is.
        placeholderData: () => newestLoads(key),
      };
    }),
    combine: (results) => results.map(({ data, error, isFetching }) => ({ data, error, isFetching })),
  });
  useEffect(() => {
    const fetching = histories.flatMap((history, place): [string, Wanted][] => {
      const query = asked[place];
      return query !== undefined && answers[place]!.isFetching ? [[keyOf(history, query).join(), query]] : [];
    });
    underWay.current = new Map(fetching);
    for (const [place, history] of histories.entries()) {
      const query = asked[place];
      if (query !== undefined && isLive(history.chosen.summary) && !answers[place]!.isFetching)
        forgetShorter(keyOf(history, query), query.to);
    }
  });
  return histories.map(({ status }, place): LoadsAnswer => {
    const { data, error } = answers[place]!;
    const query = asked[place];
    if (query === undefined) return { loads: undefined, status, error: undefined, paths: [] };
    const paths = [historyPath(query)];
    if (error !== null) return { loads: data, status: "failed", error, paths };
    return { loads: data, status: data === undefined ? "loading" : "ready", error: undefined, paths };
  });
}

function wantedOf(history: RunHistory, range: StepRange | undefined, split: SplitName): Wanted | undefined {
  const shown = shownQuery(history, range);
  const query = shown && loadQuery(history.chosen.run, split, [shown.from, shown.to]);
  return query && { ...shown, ...query };
}

/** The same for the same question of a run that has grown; another attempt writes earlier steps anew. */
function keyOf({ chosen }: RunHistory, query: Wanted | undefined): readonly unknown[] {
  const { id, attempt, summary } = chosen;
  return ["loads", id, query?.split, attempt, summary.attempts?.length, query?.from];
}

async function fetchLoads(
  { run }: ChosenRun,
  query: Wanted,
  known: RunLoads | undefined,
  signal: AbortSignal,
): Promise<RunLoads> {
  const growth = known && growthQuery(known, query);
  const added = growth && packLoads(run, await client.history(growth, signal));
  // Where single steps are kept for a while only, the same steps may come in wider buckets by now.
  if (known && added && added.width <= known.width) return grownLoads(known, added);
  return packLoads(run, await client.history(query, signal));
}

/** Of a run that goes on nobody asks again for what it was a second ago: kept for a minute, that would be many times as much. */
function forgetShorter(key: readonly unknown[], end: number): void {
  const isShorter = ({ queryKey }: { queryKey: readonly unknown[] }) => (queryKey.at(-1) as number) < end;
  queries.removeQueries({ queryKey: key, type: "inactive", predicate: isShorter });
}

function newestLoads(key: readonly unknown[]): RunLoads | undefined {
  const answers = queries.getQueriesData<RunLoads>({ queryKey: key });
  return answers.findLast(([, data]) => data !== undefined)?.[1];
}
