// Histories of runs that may go on: what is known of one stays until more is, and a request is waited for before the next.
import type { v1 } from "@moescope/proto";
import { useEffect, useRef } from "react";
import type { HistoryQuery } from "../../api/client.ts";
import { type HistoryAnswer, useHistories } from "../../data/use-histories.ts";

/** Of one run: its newest answer, and what is under way. */
interface Known {
  history: v1.History | undefined;
  pending: HistoryQuery | undefined;
}

/**
 * @param queries last steps move as runs go on
 * @param keyOf the same text for queries that ask the same of a run that has grown
 * @returns one answer for each query, in order; loading only where nothing is known
 */
export function useGrowingHistories(
  queries: readonly HistoryQuery[],
  keyOf: (query: HistoryQuery) => string,
): HistoryAnswer[] {
  const known = useRef<ReadonlyMap<string, Known>>(new Map());
  // A run may make steps faster than it is answered: were each step asked for at once, every request would be given up for the next.
  const asked = queries.map((query) => known.current.get(keyOf(query))?.pending ?? query);
  const answers = useHistories(asked);
  useEffect(() => {
    const entries = answers.map(({ history, status }, place): [string, Known] => {
      const key = keyOf(asked[place]!);
      const pending = status === "loading" ? asked[place] : undefined;
      return [key, { history: history ?? known.current.get(key)?.history, pending }];
    });
    known.current = new Map(entries);
  });
  return answers.map((answer, place): HistoryAnswer => {
    const before = known.current.get(keyOf(asked[place]!))?.history;
    return answer.status === "loading" && before !== undefined
      ? { ...answer, history: before, status: "ready" }
      : answer;
  });
}
