// Which steps the difference of two arms is taken at.
import type { Address } from "../../address/address.ts";
import type { HistoryQuery, SplitName } from "../../api/client.ts";
import { idOf } from "../../data/chosen-runs.ts";
import type { Cursor } from "../../data/cursor.ts";
import { lastTenth } from "../../figures/run-steps.ts";
import type { Summary } from "./arms.ts";
import { stepsOf } from "./compared-history.ts";

/** @returns a request for each run that has the steps: its last tenth, or the step at the cursor, its newest while that follows */
export function differenceQueries(
  runs: readonly Summary[],
  split: SplitName,
  at: Address["differenceAt"],
  cursor: Pick<Cursor, "live" | "step">,
): HistoryQuery[] {
  return runs.flatMap((summary): HistoryQuery[] => {
    const whole = stepsOf(summary, undefined);
    if (whole === undefined) return [];
    const steps = at === "tenth" ? lastTenth(whole[1]) : stepAt(whole[1], cursor);
    if (steps === undefined) return [];
    return [{ run: idOf(summary), split, from: steps[0], to: steps[1], points: 1, layers: "all" }];
  });
}

function stepAt(last: number, { live, step }: Pick<Cursor, "live" | "step">): readonly [number, number] | undefined {
  if (live) return [last, last];
  return step <= last ? [step, step] : undefined;
}

/** The same in words. */
export function differenceSteps(at: Address["differenceAt"], { live, step }: Pick<Cursor, "live" | "step">): string {
  if (at === "tenth") return "over the last tenth of the steps";
  return live ? "at the newest step" : `at step ${step}`;
}
