// The run list, kept fresh.

import type { v1 } from "@moescope/proto";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { idOf } from "./chosen-runs.ts";
import { client } from "./collector.ts";

/** Runs appear and change state within this time, milliseconds; those on screen are live and do not wait for it. */
const REFRESH = 3000;

/** The question that the list answers. */
export const RUN_LIST = {
  queryKey: ["runs"],
  queryFn: ({ signal }: { signal: AbortSignal }) => client.runs(signal),
  retry: false,
} as const;

export interface RunsAnswer {
  summaries: readonly v1.RunSummary.$Properties[] | undefined;
  /** Why the list could not be brought up to date. */
  error: Error | undefined;
}

/** @param live newer summaries of some runs, from the live stream */
export function useRuns(live: ReadonlyMap<string, v1.RunSummary.$Properties>): RunsAnswer {
  const { data, error } = useQuery({ ...RUN_LIST, refetchInterval: REFRESH });
  const summaries = useMemo(() => data?.runs.map((summary) => newer(summary, live.get(idOf(summary)))), [data, live]);
  return { summaries, error: error ?? undefined };
}

function newer(
  listed: v1.RunSummary.$Properties,
  live: v1.RunSummary.$Properties | undefined,
): v1.RunSummary.$Properties {
  return live !== undefined && (live.lastMessageAt ?? 0) >= (listed.lastMessageAt ?? 0) ? live : listed;
}
