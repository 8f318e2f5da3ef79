// What evaluations of the runs on screen found, beside their training.
import type { RunHistory } from "./run-history.ts";
import type { Scene } from "./scene.ts";
import { useHistories } from "./use-histories.ts";
import { stepsShown } from "./zoom.ts";

/** @returns the evaluations of each run on screen, for the range in the address; none where other than training is on screen */
export function useEvaluations({ histories, address: { range }, split }: Scene): RunHistory[] {
  const shown = split === "train" ? histories : [];
  const answers = useHistories(
    shown.map((history) => {
      const steps = stepsShown(history, range);
      return steps && { run: history.chosen.id, split: "eval", ...steps };
    }),
  );
  return shown.map(({ chosen }, place) => {
    const { history, status } = answers[place]!;
    return { chosen, buckets: history?.buckets ?? [], lead: [], width: 1, status, newest: undefined };
  });
}
