// The attempts of a run, and its ranks, in words: where an attempt forked from another, which ranks are late.
import { v1 } from "@moescope/proto";
import { WrongUse } from "../failure.ts";
import { whole } from "../terminal/numbers.ts";
import type { StoredRun } from "./find-run.ts";

/** One line for each attempt. */
export function attemptLines({ attempts }: v1.RunSummary): string[] {
  if (attempts.length === 0) return ["none yet"];
  return attempts.map(({ attempt, firstStep, lastStep, parent, outcome }) => {
    const from = parent == null ? "" : `, goes on from attempt ${parent} at step ${whole(firstStep)}`;
    const unspecified = outcome === v1.RunEnd.Outcome.OUTCOME_UNSPECIFIED;
    // Only the newest may still be going on.
    const open = attempt === attempts.at(-1)!.attempt ? "" : ", broken off";
    const end = unspecified ? open : `, ${v1.RunEnd.Outcome[outcome]!.toLowerCase()}`;
    return `${attempt}: steps ${whole(firstStep)} to ${whole(lastStep)}${from}${end}`;
  });
}

/** How many ranks have sent the newest step, and which are missing or late; undefined for a run of one rank. */
export function ranksText(summary: StoredRun): string | undefined {
  const { run, lastStep, ranksArrived, missingRanks, missing: count, slowestRank, stepsBehind } = summary;
  if (run.ranks <= 1) return undefined;
  const more = count > missingRanks.length ? ` and ${count - missingRanks.length} more` : "";
  const missing = missingRanks.length === 0 ? "" : `; nothing yet from ${missingRanks.join(", ")}${more}`;
  const slowest = stepsBehind === 0 ? "" : `; rank ${slowestRank} is ${whole(stepsBehind)} steps behind`;
  return `${ranksArrived} of ${run.ranks} have sent step ${whole(lastStep)}${missing}${slowest}`;
}

/** @throws WrongUse when the run has no such attempt */
export function findAttempt({ run, attempts }: StoredRun, wanted: number): v1.Attempt {
  const found = attempts.find(({ attempt }) => attempt === wanted);
  if (found !== undefined) return found as v1.Attempt;
  const known = attempts.map(({ attempt }) => attempt).join(", ") || "none yet";
  throw new WrongUse(`Run ${run.id} has no attempt ${wanted}; its attempts are: ${known}`);
}
