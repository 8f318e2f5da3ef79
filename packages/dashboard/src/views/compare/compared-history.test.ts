import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { comparedQuery, MOST_COMPARED, newestRuns, stepsOf } from "./compared-history.ts";
import { comparedRun } from "./comparison.fixture.ts";

const summary = {
  ...comparedRun({ id: "r", strategy: "none", seed: 0 }),
  lastStep: 999,
  steps: 1000,
  state: v1.RunSummary.State.FINISHED,
};

test("a run is asked for the steps it has, cut to the range", () => {
  expect(comparedQuery(summary, { split: "eval", range: undefined, attempt: undefined })).toEqual({
    ...{ run: "r", split: "eval", from: 0, to: 999 },
    points: 200,
  });
  expect(stepsOf(summary, [100, 5000])).toEqual([100, 999]);
  expect(stepsOf(summary, [1000, 5000])).toBeUndefined();
  expect(stepsOf({ ...summary, steps: 0, lastStep: 0 }, undefined)).toBeUndefined();
});

test("of a live run the end moves in strides, so that it is not asked again for every step", () => {
  const live = { ...summary, state: v1.RunSummary.State.LIVE };
  const ends = Array.from({ length: 16 }, (_, more) => stepsOf({ ...live, lastStep: 991 + more }, undefined)![1]);
  expect(new Set(ends).size).toBeLessThanOrEqual(2);
  // The newest step may be without its evaluation yet: when the run ends, it has to be asked for.
  for (const [more, end] of ends.entries()) expect(end).toBeLessThan(991 + more);
  expect(stepsOf({ ...live, lastStep: 0, steps: 1 }, undefined)).toBeUndefined();
});

test("of more runs than can be compared the newest are", () => {
  const many = Array.from({ length: MOST_COMPARED + 5 }, (_, started) => ({
    ...summary,
    run: { ...summary.run, startedAt: started },
  }));
  const newest = newestRuns(many);
  expect(newest).toHaveLength(MOST_COMPARED);
  expect(Math.min(...newest.map(({ run }) => run?.startedAt ?? 0))).toBe(5);
});

test("the chosen attempt of a run that was restarted ends where it ended; runs that never were are as they are", () => {
  const restarted = {
    ...summary,
    attempts: [
      { attempt: 0, firstStep: 0, lastStep: 599 },
      { attempt: 1, firstStep: 500, lastStep: 999 },
    ],
  };
  const query = (of: typeof summary, attempt: number) =>
    comparedQuery(of, { split: "train", range: undefined, attempt });
  expect(query(restarted, 0)).toMatchObject({ to: 599, attempt: 0 });
  expect(query(restarted, 1)).toMatchObject({ to: 999, attempt: 1 });
  expect(query(summary, 1)).not.toHaveProperty("attempt");
});
