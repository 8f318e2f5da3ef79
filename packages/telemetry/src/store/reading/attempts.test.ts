import fc from "fast-check";
import { expect, test } from "vitest";
import { parentsOf, shownAttempts } from "./attempts.ts";

const END = 2 ** 53;
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

test("the parent of an attempt is the newest before it that began earlier, however many there are", () => {
  const begun = fc.array(fc.nat({ max: 20 }), { maxLength: 40 });
  fc.assert(
    fc.property(begun, (firstSteps) => {
      const attempts = firstSteps.map((firstStep, index) => ({ attempt: 3 * index, firstStep }));
      const parents = attempts.map(({ attempt, firstStep }) => {
        return attempts.findLast((other) => other.attempt < attempt && other.firstStep < firstStep)?.attempt;
      });
      expect(parentsOf(attempts)).toEqual(parents);
    }),
  );
  const many = Array.from({ length: 300_000 }, (_, attempt) => ({ attempt, firstStep: attempt % 1000 }));
  expect(parentsOf(many).at(-1)).toBe(299_998);
});
