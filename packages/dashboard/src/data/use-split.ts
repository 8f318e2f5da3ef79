// What evaluations and rollouts of the runs on screen found, beside their training.
import { historyPath } from "../api/client.ts";
import type { RunHistory } from "./run-history.ts";
import type { Scene } from "./scene.ts";
import { useHistories } from "./use-histories.ts";
import { shownQuery } from "./zoom.ts";

export interface SplitAnswer {
  run: RunHistory;
  /** What was asked, for a card's `requests`. */
  path: string | undefined;
}

/** @returns the evaluations of each run on screen, for the range in the address; none where other than training is on screen */
export function useEvaluations(scene: Scene): RunHistory[] {
  return useBesideTraining(scene, "eval").map(({ run }) => run);
}

/** @returns the rollouts of each run on screen, for the range in the address; none where evaluations or probes are on screen */
export function useRollouts(scene: Scene): SplitAnswer[] {
  const beside = useBesideTraining(scene, "rollout");
  if (scene.split !== "rollout") return beside;
  return scene.zoomed.map((run, place) => ({ run, path: scene.requests[place] }));
}

function useBesideTraining({ histories, address: { range }, split }: Scene, other: "eval" | "rollout"): SplitAnswer[] {
  const trained = split === "train" ? histories : [];
  const queries = trained.map((history) => {
    const shown = shownQuery(history, range);
    return shown && { ...shown, split: other };
  });
  const answers = useHistories(queries);
  return trained.map(({ chosen }, place) => {
    const { history, status } = answers[place]!;
    const run = { chosen, buckets: history?.buckets ?? [], lead: [], width: 1, status, newest: undefined };
    const query = queries[place];
    return { run, path: query && historyPath(query) };
  });
}
