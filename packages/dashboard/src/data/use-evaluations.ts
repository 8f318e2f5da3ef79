// What evaluations of the runs on screen found, beside their training.
import type { RunHistory } from "./run-history.ts";
import type { Scene } from "./scene.ts";
import { useHistories } from "./use-histories.ts";
import { shownQuery } from "./zoom.ts";

/** @returns the evaluations of each run on screen, for the range in the address; none where other than training is on screen */
export function useEvaluations({ histories, address: { range }, split }: Scene): RunHistory[] {
  const trained = split === "train" ? histories : [];
  const answers = useHistories(
    trained.map((history) => {
      const shown = shownQuery(history, range);
      return shown && { ...shown, split: "eval" };
    }),
  );
  return trained.map(({ chosen }, place) => {
    const { history, status } = answers[place]!;
    return { chosen, buckets: history?.buckets ?? [], lead: [], width: 1, status, newest: undefined };
  });
}
