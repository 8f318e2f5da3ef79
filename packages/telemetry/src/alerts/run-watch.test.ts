// Every rule: when it fires and whom it names, when it is over, and that it says nothing of a run that is well.
import { v1 } from "@moescope/proto";
import { describe, expect, it } from "vitest";
import { describedRun, random } from "../testing/runs.ts";
import type { AlertThresholds } from "./rules.ts";
import { RunWatch } from "./run-watch.ts";

const { Rule } = v1.Alert;

const experts = 8;
const topK = 2;
const run = describedRun("watched", { experts, topK, moeLayers: [1, 3] });
// Ceiling 8/2 - 1 = 3, so a collapse is a MaxVio above 1.
const thresholds: AlertThresholds = { window: 20, collapse: 1 / 3, dropped: 0.1 };

const even = () => new Array<number>(experts).fill(1);
/** Everything that one expert can get: half of all assignments with top-2. */
const onto = (busy: number) => even().map((_, expert) => (expert === busy ? experts - 1 : 1));
const without = (dead: number[]) => even().map((share, expert) => (dead.includes(expert) ? 0 : share));

interface Told {
  shares?: Partial<Record<number, number[]>>;
  dropped?: number;
  loss?: number;
  attempt?: number;
}

const ASSIGNED = 4_000;

/** A training step in which each layer's experts get assignments at random, with these shares. */
function step(index: number, { shares = {}, dropped = 0, loss = 2, attempt = 0 }: Told = {}): v1.StepBucket {
  const next = random(index + 1);
  const layers = run.moeLayers.map((layer) => {
    const load = drawn(shares[layer] ?? even(), ASSIGNED - dropped, next);
    return new v1.LayerSummary({ layer, countsMin: load, countsMax: load, tokens: ASSIGNED / topK, dropped });
  });
  const numbers = Number.isNaN(loss) ? { values: 0, nanValues: 1, sum: 0 } : { values: 1, nanValues: 0, sum: loss };
  const scalars = [new v1.ScalarSummary({ name: "loss", ...numbers })];
  const position = { run: run.id, split: v1.Split.TRAIN, firstStep: index, lastStep: index, steps: 1, attempt };
  return new v1.StepBucket({ ...position, scalars, layers });
}

function drawn(shares: readonly number[], assignments: number, next: () => number): number[] {
  const load = new Array<number>(shares.length).fill(0);
  const ends = shares.map((_, expert) => shares.slice(0, expert + 1).reduce((sum, share) => sum + share));
  const total = ends.at(-1)!;
  for (let drawn = 0; drawn < assignments; drawn++) {
    const point = next() * total;
    load[ends.findIndex((end) => point < end)]!++;
  }
  return load;
}

/** Feeds steps `from`..`to - 1`. @returns what was told */
function feed(watch: RunWatch, from: number, to: number, told?: Told): v1.Alert[] {
  const steps = Array.from({ length: to - from }, (_, index) => from + index);
  return steps.flatMap((index) => watch.step(step(index, told)));
}

const brief = ({ rule, layer, experts, beganStep, firedStep, over, overStep }: v1.Alert) => ({
  ...{ rule: Rule[rule], layer, experts, beganStep, firedStep },
  ...(over ? { overStep } : {}),
});

it("says nothing of uniform routing", () => {
  expect(feed(new RunWatch(run, thresholds), 0, 200)).toEqual([]);
});

describe("collapse", () => {
  it("names the layer, the expert and the step it began, once, and says when it is over", () => {
    const watch = new RunWatch(run, thresholds);
    expect(feed(watch, 0, 40)).toEqual([]);
    // Half the load on one expert is a MaxVio of 3; averaged with even steps it passes 1 when a third of the window is like that.
    const fired = feed(watch, 40, 100, { shares: { 3: onto(5) } });
    expect(fired.map(brief)).toEqual([{ rule: "COLLAPSE", layer: 3, experts: [5], beganStep: 40, firedStep: 47 }]);
    expect(fired[0]).toMatchObject({ id: "0.collapse.3.47", threshold: 1, value: expect.closeTo(1.2, 1) });
    expect(fired[0]!.message).toMatch(
      /^layer 3 collapses onto expert 5: MaxVio 1\.\d\d, above 1\.00 \(3\.00 is the most possible\), since step 40$/,
    );
    expect(feed(watch, 100, 160).map(brief)).toEqual([
      { rule: "COLLAPSE", layer: 3, experts: [5], beganStep: 40, firedStep: 47, overStep: 115 },
    ]);
  });

  it("does not flutter around its threshold", () => {
    const watch = new RunWatch(run, thresholds);
    const near = (share: number) => ({ shares: { 1: even().map((_, expert) => (expert === 0 ? share : 1)) } });
    // MaxVio of s against seven ones is 8s/(s + 7) - 1: 1.02 for 2.37, 0.85 for 2.1.
    const told = Array.from({ length: 10 }, (_, turn) =>
      feed(watch, turn * 20, turn * 20 + 20, near(turn % 2 === 0 ? 2.5 : 2.1)),
    ).flat();
    expect(told.map(brief)).toMatchObject([{ rule: "COLLAPSE", layer: 1, experts: [0] }]);
  });

  it("waits for a whole window", () => {
    expect(feed(new RunWatch(run, thresholds), 0, 19, { shares: { 1: onto(0) } })).toEqual([]);
  });

  it("cannot happen where every token goes to every expert", () => {
    const dense = new RunWatch({ ...run, experts, topK: experts } as v1.RunDescription, thresholds);
    expect(feed(dense, 0, 60, { shares: { 1: onto(0) } })).toEqual([]);
  });
});

describe("dead experts", () => {
  it("are told together when they died together, and each that follows on its own", () => {
    const watch = new RunWatch(run, thresholds);
    feed(watch, 0, 40);
    expect(feed(watch, 40, 80, { shares: { 1: without([2, 6]) } }).map(brief)).toEqual([
      { rule: "DEAD_EXPERTS", layer: 1, experts: [2, 6], beganStep: 40, firedStep: 59 },
    ]);
    expect(feed(watch, 80, 120, { shares: { 1: without([2, 4, 6]) } }).map(brief)).toEqual([
      { rule: "DEAD_EXPERTS", layer: 1, experts: [4], beganStep: 80, firedStep: 99 },
    ]);
    // Expert 4 comes back; of the two others only one does, so theirs goes on.
    expect(feed(watch, 120, 160, { shares: { 1: without([6]) } }).map(brief)).toEqual([
      { rule: "DEAD_EXPERTS", layer: 1, experts: [4], beganStep: 80, firedStep: 99, overStep: 121 },
    ]);
  });

  it("need load enough to tell", () => {
    const few = { shares: { 1: without([2]) }, dropped: ASSIGNED - 16 };
    const told = feed(new RunWatch(run, { ...thresholds, dropped: 1 }), 0, 60, few);
    expect(told.filter(({ rule }) => rule === Rule.DEAD_EXPERTS)).toEqual([]);
  });
});

it("drops: names the layer, fires above the share and is over below three quarters of it", () => {
  const watch = new RunWatch(run, thresholds);
  feed(watch, 0, 40);
  const fired = feed(watch, 40, 80, { dropped: ASSIGNED / 5 });
  expect(fired.map(brief)).toMatchObject([
    { rule: "DROPS", layer: 1, experts: [], beganStep: 40, firedStep: 51 },
    { rule: "DROPS", layer: 3, experts: [], beganStep: 40, firedStep: 51 },
  ]);
  expect(fired[0]!.message).toBe("layer 1 drops 12.0 % of its assignments, above 10.0 %, since step 40");
  expect(feed(watch, 80, 160).map(({ over, layer }) => ({ over, layer }))).toEqual([
    { over: true, layer: 1 },
    { over: true, layer: 3 },
  ]);
});

it.each([Number.NaN, Number.POSITIVE_INFINITY])(
  "a loss of %d fires at once and is over with the next number",
  (loss) => {
    const watch = new RunWatch(run, thresholds);
    expect(feed(watch, 0, 3)).toEqual([]);
    expect(feed(watch, 3, 6, { loss }).map(brief)).toMatchObject([
      { rule: "NOT_A_NUMBER", beganStep: 3, firedStep: 3 },
    ]);
    expect(feed(watch, 6, 8).map(brief)).toMatchObject([{ rule: "NOT_A_NUMBER", overStep: 6 }]);
  },
);

it("silence: fires once at the last step, and is over when the run is heard", () => {
  const watch = new RunWatch(run, thresholds);
  feed(watch, 0, 8);
  expect(watch.silence(false)).toEqual([]);
  expect(watch.silence(true).map(brief)).toMatchObject([{ rule: "SILENCE", beganStep: 7, firedStep: 7 }]);
  expect(watch.silence(true)).toEqual([]);
  expect(watch.silence(false)).toMatchObject([{ over: true, overStep: 7 }]);
});

it("a new attempt is measured anew, and ends what the earlier one had", () => {
  const watch = new RunWatch(run, thresholds);
  expect(feed(watch, 0, 40, { shares: { 1: onto(0) } })).toHaveLength(1);
  expect(feed(watch, 30, 50, { attempt: 1 })).toMatchObject([{ rule: Rule.COLLAPSE, over: true, attempt: 0 }]);
  // What still comes of the earlier attempt says nothing any more.
  expect(feed(watch, 40, 80, { shares: { 1: onto(0) } })).toEqual([]);
  expect(feed(watch, 50, 100, { attempt: 1, shares: { 1: onto(0) } })).toMatchObject([{ attempt: 1, beganStep: 50 }]);
});

it("what fired before a restart of the collector does not fire again", () => {
  const before = feed(new RunWatch(run, thresholds), 0, 40, { shares: { 1: onto(0) } });
  const watch = new RunWatch(run, thresholds, before);
  expect(feed(watch, 40, 80, { shares: { 1: onto(0) } })).toEqual([]);
  expect(feed(watch, 80, 120)).toMatchObject([{ id: before[0]!.id, over: true }]);
});
