// Which attempt of a run is shown at which steps: the newest one that has got there.
import type { v1 } from "@moescope/proto";

/** Steps `from`..`before − 1` show this attempt. */
export interface ShownAttempt {
  attempt: number;
  from: number;
  before: number;
}

/** Behind every step: steps are at most 2^53 - 1. */
export const AFTER_ALL = 2 ** 53;

/**
 * An attempt shows from its first step until the first step of any later attempt; the first attempt shows from 0.
 *
 * @param attempts of one run, in any order
 * @returns ascending and disjoint; an attempt that a later one replaces altogether is left out
 */
export function shownAttempts(attempts: readonly Pick<v1.Attempt, "attempt" | "firstStep">[]): ShownAttempt[] {
  const shown: ShownAttempt[] = [];
  let before = AFTER_ALL;
  const newestFirst = [...attempts].sort((a, b) => b.attempt - a.attempt);
  for (const [index, { attempt, firstStep }] of newestFirst.entries()) {
    const from = index === newestFirst.length - 1 ? 0 : firstStep;
    if (from < before) shown.unshift({ attempt, from, before });
    before = Math.min(before, from);
  }
  return shown;
}

type Begun = Pick<v1.Attempt, "attempt" | "firstStep">;

/**
 * @param attempts ascending
 * @returns for each the attempt whose steps lead up to its first: the newest before it that began earlier; undefined for one that
 *   begins the run
 */
export function parentsOf(attempts: readonly Begun[]): (number | undefined)[] {
  // Of those before, the ones that may still be a parent: what began later than one after it never is.
  const candidates: Begun[] = [];
  return attempts.map((attempt) => {
    while (candidates.length > 0 && candidates.at(-1)!.firstStep >= attempt.firstStep) candidates.pop();
    const parent = candidates.at(-1)?.attempt;
    candidates.push(attempt);
    return parent;
  });
}
