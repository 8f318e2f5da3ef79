import { addRank, type StepSum } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { describedRun, randomStep } from "../../testing/runs.ts";
import { RunningRollups } from "./running-rollups.ts";

const run = describedRun("r");
const attempt = { run: "r", split: v1.Split.TRAIN, attempt: 0 };

class Feed {
  readonly rollups = new RunningRollups();
  exponent = 0;
  readonly #sums = new Map<number, StepSum>();

  /** Steps that the ranks send, in this order. */
  add(steps: readonly number[], { rank = 0, ranks = 1, stored = -1 } = {}): void {
    for (const step of steps) {
      const message = randomStep(run, { sequence: 1, step, rank });
      const sum = addRank(message, ranks === 1 ? undefined : this.#sums.get(step));
      this.#sums.set(step, sum);
      this.rollups.add(message, sum, { ranks, stored, exponent: this.exponent });
    }
  }

  /** Where the buckets begin that were made, and the ranges that the store has to make. */
  take(width: number, from: number, before: number) {
    const task = { ...attempt, exponent: this.exponent, formerUntil: 0, width, spans: [{ from, until: before }] };
    const { whole, rest } = this.rollups.take(task);
    const left = rest.flatMap(({ spans }) => spans.map(({ from, until }) => [from, until]));
    return { whole: whole.map((rollup) => rollup.from), rest: left };
  }
}

function steps(from: number, before: number): number[] {
  return Array.from({ length: before - from }, (_, index) => from + index);
}

test("buckets of steps that come in order are whole, the wider ones too", () => {
  const feed = new Feed();
  feed.add(steps(0, 256));
  expect(feed.take(32, 0, 256)).toEqual({ whole: steps(0, 8).map((bucket) => bucket * 32), rest: [] });
  expect(feed.take(128, 0, 256)).toEqual({ whole: [0, 128], rest: [] });
});

test("a bucket without steps is nobody's to make", () => {
  const feed = new Feed();
  feed.add([0, 100, 200]);
  expect(feed.take(32, 0, 256)).toEqual({ whole: [0, 96, 192], rest: [] });
  expect(feed.take(128, 0, 256)).toEqual({ whole: [0, 128], rest: [] });
});

test("buckets that began before this process did are the store's", () => {
  const feed = new Feed();
  feed.add(steps(40, 256), { stored: 39 });
  expect(feed.take(32, 32, 96)).toEqual({ whole: [64], rest: [[32, 64]] });
  expect(feed.take(32, 96, 256).rest).toEqual([]);
  expect(feed.take(128, 0, 256)).toEqual({ whole: [128], rest: [[0, 128]] });
});

test("a step that comes late or twice leaves the buckets that hold it to the store", () => {
  for (const late of [5, 65]) {
    const feed = new Feed();
    feed.add(steps(0, 66));
    feed.take(32, 0, 64);
    feed.add([late]);
    feed.add(steps(66, 256));
    expect(feed.take(32, 0, 32).rest).toEqual([[0, 32]]);
    expect(feed.take(32, 64, 128)).toEqual(
      late === 5 ? { whole: [64, 96], rest: [] } : { whole: [96], rest: [[64, 96]] },
    );
    expect(feed.take(128, 0, 128).rest).toEqual([[0, 128]]);
    expect(feed.take(32, 128, 256).rest).toEqual([]);
    expect(feed.take(128, 128, 256)).toEqual({ whole: [128], rest: [] });
  }
});

test("ranks may come one after the other; a step that a rank left out leaves its buckets to the store", () => {
  const feed = new Feed();
  feed.add(steps(0, 256), { rank: 1, ranks: 2 });
  feed.add(steps(0, 20), { rank: 0, ranks: 2 });
  feed.add(steps(21, 256), { rank: 0, ranks: 2 });
  expect(feed.take(32, 0, 128)).toEqual({ whole: [32, 64, 96], rest: [[0, 32]] });
  feed.take(32, 128, 256);
  expect(feed.take(128, 0, 256)).toEqual({ whole: [128], rest: [[0, 128]] });
});

test("a run that somebody else has stored meanwhile is not gone on with", () => {
  const feed = new Feed();
  feed.add(steps(0, 8));
  feed.rollups.forget("r");
  feed.add(steps(32, 64), { stored: 31 });
  expect(feed.take(32, 0, 64)).toEqual({ whole: [32], rest: [[0, 32]] });
});

test("buckets of the former width are the store's", () => {
  const feed = new Feed();
  feed.add(steps(0, 64));
  expect(feed.take(16, 0, 64)).toEqual({ whole: [], rest: [[0, 64]] });
});

test("steps far from each other, and rollups as wide as steps are apart", () => {
  const feed = new Feed();
  feed.exponent = 3;
  const odd = 10 ** 12;
  feed.add([odd, ...steps(0, 200).map((step) => step * 10), odd + 1]);
  expect(feed.take(256, 0, 1024)).toEqual({ whole: [0, 256, 512, 768], rest: [] });
  expect(feed.take(1024, 0, 1024)).toEqual({ whole: [0], rest: [] });
});

test("what is known at one width is not taken for another", () => {
  const feed = new Feed();
  feed.add(steps(0, 200));
  feed.exponent = 2;
  expect(feed.take(128, 0, 128)).toEqual({ whole: [], rest: [[0, 128]] });
  feed.add(steps(200, 600));
  // The bucket that had begun before is the store's.
  expect(feed.take(128, 128, 512)).toEqual({ whole: [256, 384], rest: [[128, 256]] });
});

test("an attempt that a step was left out of is the store's", () => {
  const feed = new Feed();
  feed.add(steps(0, 10));
  feed.rollups.leaveToStore(randomStep(run, { sequence: 1, step: 10 }));
  feed.add(steps(11, 600_000).filter((step) => step < 64 || step > 599_900));
  expect(feed.take(32, 0, 64).rest).toEqual([[0, 64]]);
  expect(feed.take(32, 599_936, 600_000).rest).toEqual([[599_936, 600_000]]);
});
