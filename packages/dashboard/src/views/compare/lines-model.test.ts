import { expect, test } from "vitest";
import type { SyntheticOptions } from "../../testing/synthetic-run.ts";
import { armPair, armsOf } from "./arms.ts";
import { comparedHistories, NO_COLOURS, RUNS } from "./comparison.fixture.ts";
import { comparedLines, comparedTable } from "./lines-model.ts";
import { MEASURES } from "./measures.ts";

const arms = armsOf(RUNS, "strategy", NO_COLOURS);
const pair = armPair(arms, "auxiliary-loss", "loss-free-bias");
const loss = MEASURES.find(({ name }) => name === "Loss")!;
const maxViolation = MEASURES.find(({ name }) => name === "MaxVio")!;

const withLoss = (value: number): SyntheticOptions => ({ loss: (step) => value - step / 100 });
const histories = comparedHistories({
  a0: { options: withLoss(3) },
  a1: { options: withLoss(4) },
  f0: { options: withLoss(2) },
  f1: { options: withLoss(3) },
  f2: { options: withLoss(4) },
});
const at = (step: number, of = histories) => comparedLines(loss, arms, of, pair, "step", step, "ready");

test("each arm is the mean of its runs with one sample standard deviation to either side", () => {
  const [aux, free] = at(7).series;
  expect(aux!.points[0]).toMatchObject({
    x: 0,
    y: 3.5,
    low: 3.5 - Math.SQRT1_2,
    high: expect.closeTo(3.5 + Math.SQRT1_2),
  });
  expect(free!.points[7]).toMatchObject({
    x: 7,
    y: expect.closeTo(2.93),
    low: expect.closeTo(1.93),
    high: expect.closeTo(3.93),
  });
  expect(comparedTable(at(7))).toHaveLength(1 + 2 * 8);
});

test("the sentence compares the pair at the cursor, and says in how many seeds they agree", () => {
  expect(at(0).sentence).toBe(
    "At step 0 the loss is 3.000 ± 1.000 (3 runs) in loss-free-bias and 3.500 ± 0.707 (2 runs) in auxiliary-loss: loss-free-bias is 0.500 lower, in 2 of 2 seeds.",
  );
  const same = comparedHistories(
    Object.fromEntries(["a0", "a1", "f0", "f1", "f2"].map((id) => [id, { options: withLoss(2) }])),
  );
  expect(at(0, same).sentence).toMatch(/: no difference\.$/);
});

test("a shorter run ends the line of its arm, and what is said is of as many steps in every arm", () => {
  const uneven = comparedHistories({
    a0: { options: withLoss(3), steps: 8, width: 4 },
    a1: { options: withLoss(3), steps: 4 },
    f0: { options: withLoss(3), steps: 8 },
  });
  const model = at(7, uneven);
  expect(model.series.map(({ points }) => points.map(({ lastStep }) => lastStep))).toEqual([[3], [...Array(8).keys()]]);
  expect(model.steps).toEqual([4, 1]);
  // Auxiliary loss has not gone further.
  expect(model.sentence).toMatch(/^At steps 0–3 the loss is 2\.985 in loss-free-bias and 2\.985 /);
});

test("a run that diverged breaks the line instead of vanishing from the mean", () => {
  const diverged = new Map([
    ...histories,
    ...comparedHistories({ a1: { options: { loss: (step) => (step > 5 ? Number.NaN : 3) } } }),
  ]);
  const [aux] = at(7, diverged).series;
  expect(aux!.points.slice(5).map(({ y }) => y)).toEqual([expect.closeTo(2.975), Number.NaN, Number.NaN]);
  expect(at(7, diverged).sentence).toContain("1 of 2 runs has no number");
});

test("MaxVio is the mean over the layers that reported", () => {
  const lopsided: SyntheticOptions = {
    layers: [0, 1],
    experts: 2,
    load: (_, layer, expert) => 600 * (1 + layer * expert),
  };
  const one = comparedHistories({ f0: { options: lopsided } });
  const [line] = comparedLines(maxViolation, arms, one, pair, "step", 7, "ready").series;
  // 600 and 600; 600 and 1,200: 0 and a third.
  expect(line!.points[0]!.y).toBeCloseTo(1 / 6, 2);
});

test("runs that share no step have no mean, and that is said", () => {
  const buckets = histories.get("a0")!.buckets;
  const apart = new Map([
    ["a0", { buckets: buckets.slice(0, 2), width: 1 }],
    ["a1", { buckets: buckets.slice(6), width: 1 }],
  ]);
  expect(at(7, apart)).toMatchObject({
    series: [],
    sentence: "The runs of auxiliary-loss have no step in common.",
  });
});

test("an arm is drawn when all its runs are here", () => {
  const some = new Map([...histories].filter(([id]) => id !== "a1"));
  const model = comparedLines(loss, arms, some, pair, "step", 7, "loading");
  expect(model.series.map(({ label }) => label)).toEqual(["loss-free-bias"]);
});

test("nothing here yet, nothing at all, and nothing before the cursor", () => {
  const none = new Map();
  const empty = (arrival: "loading" | "ready" | "failed") => comparedLines(loss, arms, none, pair, "step", 7, arrival);
  expect(empty("loading")).toMatchObject({ loading: true, sentence: "Loading…" });
  expect(empty("ready").sentence).toBe("No run here has the loss yet.");
  expect(empty("failed").sentence).toBe("The history could not be fetched.");
  const late = new Map([...histories].map(([id, { buckets, width }]) => [id, { buckets: buckets.slice(5), width }]));
  expect(at(2, late).sentence).toBe("Not known at step 2 yet.");
});
