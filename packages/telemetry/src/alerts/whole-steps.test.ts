import { addRank } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { describedRun, randomStep } from "../testing/runs.ts";
import { WholeSteps } from "./whole-steps.ts";

const run = describedRun("r", { ranks: 2 });
const sumOf = (step: number, ranks: number) => {
  return { ...addRank(randomStep(run, { sequence: 1, step })), ranks };
};
const stepsOf = (buckets: v1.StepBucket[]) => buckets.map(({ lastStep }) => lastStep);

test("each step goes on once, when its last rank has arrived", () => {
  const whole = new WholeSteps(2);
  expect(stepsOf(whole.add(sumOf(0, 1)))).toEqual([]);
  expect(stepsOf(whole.add(sumOf(1, 2)))).toEqual([]);
  expect(stepsOf(whole.add(sumOf(0, 2)))).toEqual([0, 1]);
  expect(stepsOf(whole.add(sumOf(0, 2)))).toEqual([]);
});

test("a step far ahead of the others hides none of them", () => {
  const whole = new WholeSteps(1);
  const steps = [10 ** 12, 0, 1, 2, Number.MAX_SAFE_INTEGER, 3];
  expect(steps.flatMap((step) => stepsOf(whole.add(sumOf(step, 1))))).toEqual(steps);
});
