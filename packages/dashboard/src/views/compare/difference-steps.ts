// Which steps the difference of two arms is taken at.
import type { Address } from "../../address/address.ts";
import type { HistoryQuery, SplitName } from "../../api/client.ts";
import { attemptOf, attemptParameter, idOf } from "../../data/chosen-runs.ts";
import type { Cursor } from "../../data/cursor.ts";
import { lastTenth } from "../../figures/run-steps.ts";
import type { Summary } from "./arms.ts";
import { stepsOf } from "./compared-history.ts";

/** @returns a request for each run that has the steps: its last tenth, or the step at the cursor, its newest while that follows */
export function differenceQueries(
  runs: readonly Summary[],
  split: SplitName,
  { differenceAt, attempt }: Pick<Address, "differenceAt" | "attempt">,
  cursor: Pick<Cursor, "live" | "step">,
): HistoryQuery[] {
  return runs.flatMap((summary): HistoryQuery[] => {
    const whole = stepsOf(summary, undefined, attempt);
    if (whole === undefined) return [];
    const steps = differenceAt === "tenth" ? lastTenth(whole[1]) : stepAt(whole[1], cursor);
    if (steps === undefined) return [];
    const [from, to] = steps;
    const chosen = attemptParameter({ attempt: attemptOf(summary, attempt) });
    return [{ run: idOf(summary), split, from, to, points: 1, layers: "all", ...chosen }];
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
