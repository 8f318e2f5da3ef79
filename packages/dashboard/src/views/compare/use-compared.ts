// The histories of the runs that are compared: those on screen live, the others as far as a mean needs them.
import { useMemo } from "react";
import { type HistoryQuery, historyPath } from "../../api/client.ts";
import { type Arrival, arrivalOf } from "../../data/arrival.ts";
import { idOf } from "../../data/chosen-runs.ts";
import type { Scene } from "../../data/scene.ts";
import { useSameItems } from "../../data/use-same-items.ts";
import type { Summary } from "./arms.ts";
import { type ComparedHistory, type ComparedSteps, comparedQuery, newestRuns } from "./compared-history.ts";
import { useGrowingHistories } from "./use-growing-histories.ts";

export interface Compared {
  runs: readonly Summary[];
  /** Runs that are listed and not compared, because they are too many. */
  left: number;
  /** By run id, of the split on screen and of evaluations. */
  histories: ReadonlyMap<string, ComparedHistory>;
  evaluations: ReadonlyMap<string, ComparedHistory>;
  arrival: Arrival;
  error: Error | undefined;
  requests: readonly string[];
}

export function useCompared(scene: Scene): Compared {
  const { address, chosen, groups, zoomed, split } = scene;
  const listed = useMemo(() => groups.flatMap(({ runs }) => runs), [groups]);
  const wanted = useMemo(
    () => (address.compared === "listed" ? newestRuns(listed) : chosen.map(({ summary }) => summary)),
    [address.compared, listed, chosen],
  );
  const runs = useSameItems(wanted);
  const onScreen = useSameItems(zoomed.filter(({ chosen: { id } }) => runs.some((summary) => idOf(summary) === id)));
  const others = runs.filter((summary) => !onScreen.some(({ chosen: { id } }) => id === idOf(summary)));
  const { range, attempt } = address;
  const fetched = useFetched(queriesOf(others, { split, range, attempt }));
  const evaluated = useFetched(queriesOf(runs, { split: "eval", range, attempt }));
  const histories = useMemo(
    () => new Map([...fetched.histories, ...onScreen.map((each) => [each.chosen.id, each] as const)]),
    [fetched.histories, onScreen],
  );
  return {
    runs,
    left: address.compared === "listed" ? listed.length - runs.length : 0,
    histories,
    evaluations: evaluated.histories,
    arrival: arrivalOf([fetched.arrival, evaluated.arrival, ...onScreen.map(({ status }) => status)]),
    error: fetched.error ?? evaluated.error,
    requests: [...scene.requests, ...fetched.paths, ...evaluated.paths],
  };
}

function queriesOf(runs: readonly Summary[], steps: ComparedSteps): HistoryQuery[] {
  return runs.flatMap((summary) => comparedQuery(summary, steps) ?? []);
}

function useFetched(queries: readonly HistoryQuery[]) {
  const answers = useGrowingHistories(queries, ({ run, split, from, attempt }) => `${run} ${split} ${from} ${attempt}`);
  const received = useSameItems(answers.map(({ history }) => history));
  const histories = useMemo(() => {
    const known = received.flatMap((history) =>
      history === undefined
        ? []
        : [[history.run, { buckets: history.buckets, width: history.bucketWidth || 1 }] as const],
    );
    return new Map<string, ComparedHistory>(known);
  }, [received]);
  return {
    histories,
    arrival: arrivalOf(answers.map(({ status }) => status)),
    error: answers.find(({ error }) => error !== undefined)?.error,
    paths: queries.map(historyPath),
  };
}
