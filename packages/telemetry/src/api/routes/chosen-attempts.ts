// The attempts of a run that an answer shows: the one asked for, or at every step the newest that has got there.
import { AFTER_ALL, type ShownAttempt, shownAttempts } from "../../store/reading/attempts.ts";
import type { Runs } from "../../store/runs/runs.ts";
import { RequestError } from "../respond.ts";

/** @throws RequestError (400) when the run has no such attempt */
export function chosenAttempts(attempt: number | undefined, run: string, runs: Runs): ShownAttempt[] {
  const attempts = runs.attempts(run);
  if (attempt === undefined) return shownAttempts(attempts);
  if (attempts.some((known) => known.attempt === attempt)) {
    return [{ attempt, from: 0, before: AFTER_ALL }];
  }
  const known = attempts.map((known) => known.attempt).join(", ") || "none yet";
  throw new RequestError(400, `parameter attempt is ${attempt}: the run's attempts are ${known}`);
}
