// What the view is drawn from: each run's steps of the window added up, and its history as far as information needs it.
import { useMemo } from "react";
import type { HistoryQuery } from "../../api/client.ts";
import { type Arrival, arrivalOf } from "../../data/arrival.ts";
import { attemptParameter, type ChosenRun } from "../../data/chosen-runs.ts";
import type { RunHistory } from "../../data/run-history.ts";
import { isLive } from "../../data/run-state.ts";
import type { Scene } from "../../data/scene.ts";
import { type HistoryAnswer, useHistories } from "../../data/use-histories.ts";
import { shownQuery } from "../../data/zoom.ts";
import type { LabelledSteps } from "./affinity-model.ts";
import { figureWindow } from "./categories-model.ts";
import { informationPoints } from "./information-model.ts";

export interface Fetched<T> {
  /** One for each run that has steps. */
  sources: T[];
  arrival: Arrival;
  error: Error | undefined;
  /** Paths of the requests. */
  requests: string[];
}

/** The window of each run as one bucket, with the counts of every layer. */
export function useWindowSteps({ address, histories: runs, split }: Scene): Fetched<LabelledSteps> {
  const wanted = runs.map(({ chosen, buckets }): HistoryQuery | undefined => {
    const window = figureWindow(address.window, buckets.at(-1)?.lastStep ?? -1, isLive(chosen.summary));
    if (window === undefined) return undefined;
    const [from, to] = window;
    return { run: chosen.id, split, from, to, points: 1, layers: "all", ...attemptParameter(chosen) };
  });
  return useFetched(runs, useHistories(wanted), ({ run, label }, history) => ({ run, label, history }));
}

/** Each run over its steps, or over those zoomed to, with the counts of these layers. A live run's grows in strides. */
export function useLayerHistories(
  { address, histories: runs, split }: Scene,
  layers: readonly number[],
): Fetched<Pick<RunHistory, "chosen" | "buckets" | "lead">> {
  const wanted = runs.map((history): HistoryQuery | undefined => {
    const { experts = 0, categories = [], moeLayers = [] } = history.chosen.run;
    const own = layers.filter((layer) => moeLayers.includes(layer));
    const shown = shownQuery(history, address.range);
    if (own.length === 0 || shown === undefined) return undefined;
    const points = informationPoints(own.length, experts, categories.length);
    return { ...shown, split, points, layers: own, metrics: "chosen" };
  });
  return useFetched(runs, useHistories(wanted), (chosen, { buckets }) => ({ chosen, buckets, lead: [] }));
}

/** @param sourceOf of a run and its answer, when it holds any step */
function useFetched<T>(
  runs: readonly RunHistory[],
  answers: readonly HistoryAnswer[],
  sourceOf: (chosen: ChosenRun, history: NonNullable<HistoryAnswer["history"]>) => T,
): Fetched<T> {
  const names = runs.map(({ chosen }) => `${chosen.label} ${chosen.colour}`).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a description stays the same while its run goes on; new steps come as new answers
  const sources = useMemo(
    () =>
      answers.flatMap(({ history }, place) =>
        history?.buckets.length ? [sourceOf(runs[place]!.chosen, history)] : [],
      ),
    [answers, names],
  );
  return {
    sources,
    arrival: arrivalOf([...answers, ...runs].map(({ status }) => status)),
    error: answers.find(({ error }) => error !== undefined)?.error,
    requests: answers.flatMap(({ path }) => path ?? []),
  };
}
