import { describe, expect, test } from "vitest";
import { headCategories, headCategory, PATTERN_THRESHOLD } from "./head-category.ts";

const even = { previousToken: 0.01, firstToken: 0.01, induction: 0.01, local: 0.08, broad: 1 };

describe("headCategory", () => {
  test.each([
    ["previous-token", "looks one back, which is near as well", { previousToken: 0.9, local: 0.95 }],
    ["first-token", "rests on the first position", { firstToken: 0.97, local: 0.02, broad: 0.1 }],
    ["induction", "looks after the earlier copy, and evenly where there is none", { induction: 0.8 }],
    ["induction", "the strongest pattern wins", { induction: 0.5, firstToken: 0.45 }],
    ["previous-token", "a pattern counts from its threshold", { previousToken: PATTERN_THRESHOLD, local: 0.9 }],
    ["local", "looks near, at no place in particular", { previousToken: 0.39, local: 0.8 }],
    ["broad", "looks everywhere", {}],
    ["broad", "looks far away, at few places", { broad: 0.1 }],
  ])("%s: %s", (category, _, scores) => {
    expect(headCategory({ ...even, ...scores })).toBe(category);
  });

  test.each(["previousToken", "firstToken", "induction", "local"])(
    "a head whose %s is no number is of no kind",
    (score) => {
      expect(headCategory({ ...even, [score]: Number.NaN })).toBeUndefined();
    },
  );

  test("every head has exactly one of the five", () => {
    const values = [0, 0.25, 0.4, 0.5, 1];
    const seen = new Set<string | undefined>();
    for (const previousToken of values)
      for (const firstToken of values)
        for (const induction of values)
          for (const local of values) seen.add(headCategory({ previousToken, firstToken, induction, local, broad: 0 }));
    expect([...seen].sort()).toEqual([...headCategories].sort());
  });
});
