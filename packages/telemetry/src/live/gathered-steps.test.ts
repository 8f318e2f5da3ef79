import { addRank, type StepSum } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { GatheredSteps } from "./gathered-steps.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Steps and ranks as they went out. */
type Out = [step: number, ranks: number][];

function gathering(ranks: number): { out: Out; arrive: (step: number, rank: number) => void; gathered: GatheredSteps } {
  const out: Out = [];
  const sums = new Map<number, StepSum>();
  const gathered = new GatheredSteps(
    () => ranks,
    (sum) => out.push([sum.bucket.firstStep, sum.ranks]),
  );
  const arrive = (step: number, rank: number) => {
    const message: v1.Step.$Properties = { run: "r", split: 1, attempt: 0, rank, step };
    sums.set(step, addRank(message, sums.get(step)));
    gathered.add(sums.get(step)!);
  };
  return { out, arrive, gathered };
}

test("in whatever order ranks come, a viewer is sent every step once, whole, in the order of the steps", () => {
  const ranks = 3;
  const every = Array.from({ length: 8 * ranks }, (_, index) => [Math.floor(index / ranks), index % ranks] as const);
  fc.assert(
    fc.property(fc.shuffledSubarray(every, { minLength: every.length }), (order) => {
      const { out, arrive } = gathering(ranks);
      // A rank sends its own steps in order.
      for (let rank = 0; rank < ranks; rank++) {
        const places = order.flatMap((each, place) => (each[1] === rank ? [place] : []));
        places.forEach((place, step) => {
          order[place] = [step, rank];
        });
      }
      for (const [step, rank] of order) arrive(step, rank);
      expect(out).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((step) => [step, ranks]));
      expect(vi.getTimerCount()).toBe(0);
    }),
  );
});

test("the steps of one rank wait for nothing", () => {
  const { out, arrive } = gathering(1);
  for (const step of [0, 1, 2]) arrive(step, 0);
  expect(out).toEqual([0, 1, 2].map((step) => [step, 1]));
});

test("a rank that is late holds steps up for a second; when it comes, the step goes out again", () => {
  const { out, arrive } = gathering(2);
  arrive(0, 0);
  arrive(1, 0);
  arrive(1, 1);
  expect(out).toEqual([]);
  vi.advanceTimersByTime(1_250);
  expect(out).toEqual([
    [0, 1],
    [1, 2],
  ]);
  arrive(0, 1);
  expect(out.at(-1)).toEqual([0, 2]);
  expect(vi.getTimerCount()).toBe(0);
});

test("what waits is bounded, and goes out at the end", () => {
  const { out, arrive, gathered } = gathering(2);
  for (let step = 0; step < 300; step++) arrive(step, 0);
  expect(out).toHaveLength(300 - 256);
  gathered.flush();
  expect(out.map(([step]) => step)).toEqual(Array.from({ length: 300 }, (_, step) => step));
  expect(vi.getTimerCount()).toBe(0);
});
