import { expect, test } from "vitest";
import { syntheticChosen } from "../../testing/synthetic-run.ts";
import { capacityChoices } from "./capacities.ts";
import { allowedRanks, ranksNote, ranksShown } from "./ranks.ts";

const withExperts = (experts: number) => syntheticChosen({ experts });

test("ranks are common divisors of the runs' experts", () => {
  expect(allowedRanks([withExperts(12)])).toEqual([1, 2, 3, 4, 6, 12]);
  expect(allowedRanks([withExperts(12), withExperts(64)])).toEqual([1, 2, 4]);
  expect(allowedRanks([withExperts(0)])).toEqual([1]);
  expect(allowedRanks([])).toEqual([1]);
});

test("eight ranks unless told otherwise; a number that does not divide gives way to a smaller one, and that is said", () => {
  const allowed = allowedRanks([withExperts(16)]);
  expect(ranksShown(undefined, allowed)).toBe(8);
  expect(ranksShown(undefined, allowedRanks([withExperts(6)]))).toBe(6);
  expect(ranksShown(5, allowed)).toBe(4);
  expect(ranksNote(5, 4, allowed)).toBe(
    "5 ranks cannot share these experts evenly: 4 shown; allowed are 1, 2, 4, 8, 16.",
  );
  expect(ranksNote(4, 4, allowed) + ranksNote(undefined, 8, allowed)).toBe("");
});

test("the slider stops at round factors and at the one in the address", () => {
  const choices = capacityChoices(1.33);
  expect(choices).toContain(1.33);
  for (const factor of [0.5, 1, 1.25, 2, 2.25, 4, 5, 8]) expect(choices).toContain(factor);
  expect(choices).toEqual([...choices].sort((a, b) => a - b));
});
