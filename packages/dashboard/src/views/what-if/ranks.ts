// Numbers of expert-parallel ranks that can be chosen.
import type { ChosenRun } from "../../data/chosen-runs.ts";

/** @returns numbers of ranks that the experts of all runs can be split over evenly, ascending; 1 is always among them */
export function allowedRanks(runs: readonly Pick<ChosenRun, "run">[]): number[] {
  const counts = runs.map(({ run }) => run.experts ?? 0).filter((experts) => experts > 0);
  const least = Math.min(...counts);
  const up = Number.isFinite(least) ? least : 1;
  return Array.from({ length: up }, (_, index) => index + 1).filter((ranks) =>
    counts.every((experts) => experts % ranks === 0),
  );
}

/** Ranks that are shown unless the address says otherwise: a machine of eight. */
const USUAL_RANKS = 8;

/** @returns the wanted number where it is allowed, else the next smaller one that is */
export function ranksShown(wanted: number | undefined, allowed: readonly number[]): number {
  return allowed.findLast((ranks) => ranks <= (wanted ?? USUAL_RANKS)) ?? 1;
}

/** Said where another number is shown than the address has; else empty. */
export function ranksNote(wanted: number | undefined, shown: number, allowed: readonly number[]): string {
  if (wanted === undefined || wanted === shown) return "";
  return `${wanted} ranks cannot share these experts evenly: ${shown} shown; allowed are ${allowed.join(", ")}.`;
}
