import { expect, test } from "vitest";
import { shownAttempts } from "./attempts.ts";

const END = Number.MAX_SAFE_INTEGER;
const attempt = (number: number, firstStep: number, lastStep: number) => ({ attempt: number, firstStep, lastStep });

test("one attempt shows everywhere", () => {
  expect(shownAttempts([attempt(0, 10, 20)])).toEqual([{ attempt: 0, from: 0, before: END }]);
});

test("a later attempt shows from its first step", () => {
  expect(shownAttempts([attempt(1, 50, 90), attempt(0, 0, 70)])).toEqual([
    { attempt: 0, from: 0, before: 50 },
    { attempt: 1, from: 50, before: END },
  ]);
});

test("an attempt that goes back further hides the one before it", () => {
  expect(shownAttempts([attempt(0, 0, 99), attempt(1, 60, 80), attempt(2, 40, 50)])).toEqual([
    { attempt: 0, from: 0, before: 40 },
    { attempt: 2, from: 40, before: END },
  ]);
});

test("no attempt, nothing shown", () => {
  expect(shownAttempts([])).toEqual([]);
});
