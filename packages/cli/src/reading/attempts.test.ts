import { v1 } from "@moescope/proto";
import { expect, it } from "vitest";
import { attemptLines, findAttempt, ranksText } from "./attempts.ts";
import type { StoredRun } from "./find-run.ts";

const { FINISHED } = v1.RunEnd.Outcome;
const summary = v1.RunSummary.fromObject({
  run: { id: "forked", ranks: 8 },
  lastStep: 1_999,
  attempts: [
    { attempt: 0, firstStep: 0, lastStep: 1_250 },
    { attempt: 1, firstStep: 1_200, lastStep: 1_999, parent: 0, outcome: FINISHED },
  ],
  ranksArrived: 5,
  missingRanks: [3, 7],
  missing: 2,
  slowestRank: 2,
  stepsBehind: 1_040,
}) as StoredRun;

it("says where an attempt began, what it goes on from and how it ended", () => {
  expect(attemptLines(summary)).toEqual([
    "0: steps 0 to 1,250, broken off",
    "1: steps 1,200 to 1,999, goes on from attempt 0 at step 1,200, finished",
  ]);
});

it("does not say of the newest attempt that it was broken off: it may go on", () => {
  const [first] = summary.attempts;
  expect(attemptLines(v1.RunSummary.create({ attempts: [first!] }))).toEqual(["0: steps 0 to 1,250"]);
});

it("names ranks that are missing and the one that is furthest behind", () => {
  const late = "; nothing yet from 3, 7; rank 2 is 1,040 steps behind";
  expect(ranksText(summary)).toBe(`5 of 8 have sent step 1,999${late}`);
  const many = { ...summary, missing: 4_000_000 } as unknown as StoredRun;
  expect(ranksText(many)).toContain("; nothing yet from 3, 7 and 3999998 more;");
  const whole = { ...summary, ranksArrived: 8, missingRanks: [], missing: 0, stepsBehind: 0 } as unknown as StoredRun;
  expect(ranksText(whole)).toBe("8 of 8 have sent step 1,999");
});

it("names the attempts that there are when another is asked for", () => {
  expect(findAttempt(summary, 1)).toMatchObject({ firstStep: 1_200 });
  expect(() => findAttempt(summary, 2)).toThrow("Run forked has no attempt 2; its attempts are: 0, 1");
});
