// The attempts of a run that an answer shows: the one asked for, or at every step the newest that has got there.
import type { v1 } from "@moescope/proto";
import { AFTER_ALL, type ShownAttempt, shownAttempts } from "../../store/reading/attempts.ts";
import { RequestError } from "../errors.ts";

/** @throws RequestError (400) when the run has no such attempt */
export function chosenAttempts(asked: number | undefined, attempts: readonly v1.Attempt[]): ShownAttempt[] {
  if (asked === undefined) return shownAttempts(attempts);
  if (attempts.some(({ attempt }) => attempt === asked)) {
    return [{ attempt: asked, from: 0, before: AFTER_ALL }];
  }
  const known = attempts.map(({ attempt }) => attempt).join(", ") || "none yet";
  throw new RequestError(400, `parameter attempt is ${asked}: the run's attempts are ${known}`);
}
