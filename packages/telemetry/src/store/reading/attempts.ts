// Which attempt of a run is shown at which steps: the newest one that has got there.
import type { v1 } from "@moescope/proto";

/** Steps `from`..`before − 1` show this attempt. */
export interface ShownAttempt {
  attempt: number;
  from: number;
  before: number;
}

/**
 * An attempt shows from its first step until the first step of any later attempt; the first attempt shows from 0.
 *
 * @param attempts of one run, in any order
 * @returns ascending and disjoint; an attempt that a later one replaces altogether is left out
 */
export function shownAttempts(attempts: readonly Pick<v1.Attempt, "attempt" | "firstStep">[]): ShownAttempt[] {
  const shown: ShownAttempt[] = [];
  let before = Number.MAX_SAFE_INTEGER;
  const newestFirst = [...attempts].sort((a, b) => b.attempt - a.attempt);
  for (const [index, { attempt, firstStep }] of newestFirst.entries()) {
    const from = index === newestFirst.length - 1 ? 0 : firstStep;
    if (from < before) shown.unshift({ attempt, from, before });
    before = Math.min(before, from);
  }
  return shown;
}

type Begun = Pick<v1.Attempt, "attempt" | "firstStep">;

/** @returns the attempt whose steps lead up to this one's first; undefined for one that begins the run */
export function parentOf({ attempt, firstStep }: Begun, attempts: readonly Begun[]): number | undefined {
  const earlier = attempts.filter((other) => other.attempt < attempt && other.firstStep < firstStep);
  return earlier.length === 0 ? undefined : Math.max(...earlier.map((other) => other.attempt));
}
