// What evaluations of the runs on screen found, beside their training.
import { settledStep } from "./cursor.ts";
import type { RunHistory } from "./run-history.ts";
import { isLive } from "./run-state.ts";
import type { Scene } from "./scene.ts";
import { useHistories } from "./use-histories.ts";

/** @returns the evaluations of each run on screen, for the range in the address; none where other than training is on screen */
export function useEvaluations({ histories, address: { range }, split }: Scene): RunHistory[] {
  const shown = split === "train" ? histories : [];
  const answers = useHistories(
    shown.map(({ chosen, buckets }) => {
      const last = buckets.at(-1)?.lastStep ?? -1;
      const [from, to] = range ?? [0, last];
      if (last < from) return undefined;
      const settled = isLive(chosen.summary) ? Math.max(from, settledStep(last)) : last;
      return { run: chosen.id, split: "eval", from, to: Math.min(to, settled) };
    }),
  );
  return shown.map(({ chosen }, place) => {
    const { history, status } = answers[place]!;
    return { chosen, buckets: history?.buckets ?? [], lead: [], width: 1, status, newest: undefined };
  });
}
