// The probes of the chosen runs: the newest at or before the step cursor, and their history.
import { useQueries } from "@tanstack/react-query";
import { useMemo } from "react";
import { attemptParameter } from "../../data/chosen-runs.ts";
import { client } from "../../data/collector.ts";
import { isLive } from "../../data/run-state.ts";
import type { Scene } from "../../data/scene.ts";
import { useHistories } from "../../data/use-histories.ts";
import { type ProbeAnswer, probeAt } from "./attention-model.ts";
import type { ProbedHistory } from "./router-model.ts";

/** A live run's newest probe is at most this old on screen, milliseconds. */
const REFRESH = 3000;
/** Points of a line over probes: few runs have more. */
const POINTS = 400;

/** One answer for each chosen run, in order. The newest probe says which others there are. */
export function useProbes({ chosen, cursor }: Scene): ProbeAnswer[] {
  const newest = useQueries({
    queries: chosen.map(({ id: run, summary, attempt }) => ({
      queryKey: ["probe", run, attempt, "newest", isLive(summary) ? "live" : summary.steps],
      queryFn: ({ signal }: { signal: AbortSignal }) => client.probe({ run, ...attemptParameter({ attempt }) }, signal),
      refetchInterval: isLive(summary) ? REFRESH : (false as const),
      staleTime: Number.POSITIVE_INFINITY,
    })),
  });
  const wanted = newest.map(({ data }) => (cursor.live ? data?.step : probeAt(data?.steps ?? [], cursor.step)));
  const placed = useQueries({
    queries: chosen.map(({ id: run, attempt }, place) => ({
      queryKey: ["probe", run, attempt, wanted[place]],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        client.probe({ run, step: wanted[place]!, ...attemptParameter({ attempt }) }, signal),
      enabled: wanted[place] !== undefined && wanted[place] !== newest[place]!.data?.step,
      staleTime: Number.POSITIVE_INFINITY,
    })),
  });
  return chosen.map((run, place): ProbeAnswer => {
    const { data } = newest[place]!;
    const steps = data?.steps ?? [];
    const isNewest = wanted[place] === data?.step;
    const { error, isLoading } = isNewest || data === undefined ? newest[place]! : placed[place]!;
    const probe = steps.length === 0 || wanted[place] === undefined ? undefined : isNewest ? data : placed[place]!.data;
    const status = isLoading ? "loading" : error === null ? "ready" : "failed";
    return { chosen: run, steps, probe, newest: data, status, error: error ?? undefined };
  });
}

/** What the probes measured over the steps, of runs that have any. */
export function useProbeHistories(answers: readonly ProbeAnswer[], range: Scene["address"]["range"]) {
  const probed = answers.filter(({ steps }) => steps.length > 0);
  const found = useHistories(
    probed.map(({ chosen, steps }) => {
      const [from, to] = range ?? [0, steps.at(-1)!];
      return { run: chosen.id, split: "probe", from, to, points: POINTS, ...attemptParameter(chosen) };
    }),
  );
  const names = probed.map(({ chosen }) => `${chosen.label} ${chosen.colour}`).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a description stays the same while its run goes on
  const histories = useMemo(
    () =>
      found.flatMap(({ history }, place): ProbedHistory[] =>
        history === undefined ? [] : [{ chosen: probed[place]!.chosen, buckets: history.buckets, lead: [] }],
      ),
    [found, names],
  );
  return { histories, requests: found.flatMap(({ path }) => path ?? []) };
}
