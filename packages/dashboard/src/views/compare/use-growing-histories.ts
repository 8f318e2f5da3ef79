// Histories of runs that may go on: what is known of one stays until more is.
import type { v1 } from "@moescope/proto";
import { useEffect, useRef } from "react";
import type { HistoryQuery } from "../../api/client.ts";
import { type HistoryAnswer, useHistories } from "../../data/use-histories.ts";

/**
 * @param queries last steps move as runs go on
 * @param keyOf the same text for queries that ask the same of a run that has grown
 * @returns one answer for each query, in order; loading only where nothing is known
 */
export function useGrowingHistories(
  queries: readonly HistoryQuery[],
  keyOf: (query: HistoryQuery) => string,
): HistoryAnswer[] {
  const known = useRef<ReadonlyMap<string, v1.History>>(new Map());
  const answers = useHistories(queries).map((answer, place): HistoryAnswer => {
    const before = known.current.get(keyOf(queries[place]!));
    return answer.status === "loading" && before !== undefined
      ? { ...answer, history: before, status: "ready" }
      : answer;
  });
  useEffect(() => {
    const here = answers.flatMap(({ history }, place) =>
      history === undefined ? [] : [[keyOf(queries[place]!), history] as const],
    );
    known.current = new Map(here);
  });
  return answers;
}
