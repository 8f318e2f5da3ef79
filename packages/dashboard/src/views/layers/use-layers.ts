// The steps that layers × experts shows: one, or all on screen added up, and those that are subtracted from them.
import type { HistoryQuery } from "../../api/client.ts";
import type { RunHistory } from "../../data/run-history.ts";
import type { Scene } from "../../data/scene.ts";
import { useHistories } from "../../data/use-histories.ts";
import { type StepBucketAnswer, useStepBuckets } from "../../data/use-step-buckets.ts";
import { shownQuery } from "../../data/zoom.ts";
import { type LayersModel, layersModel } from "./layers-model.ts";

export interface LayersAnswer {
  /** One for each run, in order. */
  models: LayersModel[];
  /** Empty unless two steps are compared. */
  earlier: LayersModel[];
  complete: boolean;
  error: Error | undefined;
  requests: readonly string[];
}

export function useLayers({ address, histories: runs, cursor, split }: Scene): LayersAnswer {
  const { cells, since, span, range } = address;
  const adds = span === "range" && cells !== "steps";
  const single = useStepBuckets(adds ? [] : runs, cursor, split);
  const added = useRangeBuckets(adds ? runs : [], range, split);
  const before = { ...cursor, live: false, step: Math.min(since, cursor.last) };
  const subtracted = useStepBuckets(cells === "steps" ? runs : [], before, split);
  const shown = adds ? added : single;
  const answers = [...shown, ...subtracted];
  const modelsOf = (of: readonly StepBucketAnswer[]) =>
    of.map(({ bucket, status }, place) => layersModel(runs[place]!.chosen, bucket, status));
  return {
    models: modelsOf(shown),
    earlier: modelsOf(subtracted),
    complete: answers.every(({ status }) => status !== "loading"),
    error: answers.find(({ error }) => error !== undefined)?.error,
    requests: answers.flatMap(({ path }) => path ?? []),
  };
}

/** All steps of each run within a range, added up. @param range undefined: the whole run */
function useRangeBuckets(
  runs: readonly RunHistory[],
  range: Scene["address"]["range"],
  split: Scene["split"],
): StepBucketAnswer[] {
  const queries = runs.map((history): HistoryQuery | undefined => {
    const shown = shownQuery(history, range);
    return shown && { ...shown, split, points: 1, layers: "all" };
  });
  return useHistories(queries).map(({ history, error, status, path }, place) => ({
    bucket: history?.buckets[0],
    error,
    status: queries[place] === undefined ? runs[place]!.status : status,
    path,
  }));
}
