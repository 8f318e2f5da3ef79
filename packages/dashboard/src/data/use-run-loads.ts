// Fetches the loads of all layers of the runs on screen, some layers at a time.
import { useQueries } from "@tanstack/react-query";
import { type HistoryQuery, historyPath, type SplitName } from "../api/client.ts";
import type { Arrival } from "./arrival.ts";
import type { ChosenRun } from "./chosen-runs.ts";
import { client, queries } from "./collector.ts";
import type { RunHistory } from "./run-history.ts";
import { LoadsPacker, loadQueries, type RunLoads } from "./run-loads.ts";
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

/** One answer for each run, in order. */
export function useRunLoads({ histories, range, split }: WantedLoads): LoadsAnswer[] {
  const wanted = histories.map((history) => wantedOf(history, range, split));
  const answers = useQueries({
    queries: histories.map(({ chosen }, place) => {
      const asked = wanted[place]!;
      const [first] = asked;
      return {
        queryKey: ["loads", chosen.id, split, chosen.attempt, first?.from, first?.to],
        queryFn: ({ signal }: { signal: AbortSignal }) => fetchLoads(chosen.run, asked, signal),
        enabled: asked.length > 0,
        staleTime: Number.POSITIVE_INFINITY,
        gcTime: KEPT,
        // While a run goes on, what is known of it stays until more is.
        placeholderData: () => newestLoads(chosen, split, first?.from),
      };
    }),
    combine: (results) => results.map(({ data, error }) => ({ data, error })),
  });
  return histories.map(({ status }, place): LoadsAnswer => {
    const { data, error } = answers[place]!;
    const asked = wanted[place]!;
    const paths = asked.map(historyPath);
    if (asked.length === 0) return { loads: undefined, status, error: undefined, paths };
    if (error !== null) return { loads: data, status: "failed", error, paths };
    return { loads: data, status: data === undefined ? "loading" : "ready", error: undefined, paths };
  });
}

function wantedOf(history: RunHistory, range: StepRange | undefined, split: SplitName): HistoryQuery[] {
  const shown = shownQuery(history, range);
  if (shown === undefined) return [];
  return loadQueries(history.chosen.run, split, [shown.from, shown.to]).map((query) => ({ ...shown, ...query }));
}

async function fetchLoads(
  run: RunHistory["chosen"]["run"],
  asked: readonly HistoryQuery[],
  signal: AbortSignal,
): Promise<RunLoads> {
  const packer = new LoadsPacker(run);
  // One after another: each answer is decoded in one go, and between two of them the page can draw.
  for (const query of asked) packer.add(await client.history(query, signal), query.layers as readonly number[]);
  return packer.packed();
}

function newestLoads({ id, attempt }: ChosenRun, split: SplitName, from: number | undefined): RunLoads | undefined {
  const answers = queries.getQueriesData<RunLoads>({ queryKey: ["loads", id, split, attempt, from] });
  return answers.findLast(([, data]) => data !== undefined)?.[1];
}
