import { relativeLoad, sumHistograms } from "@moescope/metrics";
import { expect, test } from "vitest";
import type { Arrival } from "../../data/arrival.ts";
import type { RunHistory } from "../../data/run-history.ts";
import {
  type SyntheticOptions,
  syntheticBuckets,
  syntheticChosen,
  syntheticStep,
} from "../../testing/synthetic-run.ts";
import {
  deadIn,
  deathSentence,
  expertQuantiles,
  expertReading,
  expertsModel,
  expertsTable,
  isLoading,
  markExperts,
  sharedLogDomain,
  sharedXDomain,
  sharedYDomain,
  smoothedShares,
  spreadSentence,
} from "./experts-model.ts";

const options = {
  experts: 4,
  load: (step: number, layer: number, expert: number) => (expert === (step < 4 ? 2 : 0) ? 600 : 60 + 6 * layer),
};
const history = (count: number, of: SyntheticOptions, width = 1, status: Arrival = "ready"): RunHistory => ({
  chosen: syntheticChosen(of, Math.max(1, count)),
  buckets: syntheticBuckets(count, of, width),
  lead: [],
  width,
  status,
  newest: undefined,
});
const model = expertsModel(history(8, options, 2), 1, "step");

test("shares, extremes and relative loads of every bucket are those of its counts", () => {
  expect([...model.x]).toEqual([1, 3, 5, 7]);
  const steps = [4, 5].map((step) =>
    sumHistograms(syntheticStep(step, options).layers![1]!.categories!.map(({ counts }) => counts!)),
  );
  const counts = sumHistograms(steps);
  const total = counts.reduce((a, b) => a + b);
  const row = (matrix: Float64Array) => [...matrix.subarray(2 * 4, 3 * 4)];
  expect(row(model.counts)).toEqual([...counts]);
  expect(row(model.share)).toEqual([...counts].map((count) => count / total));
  expect(row(model.relative)).toEqual([...relativeLoad(counts)]);
  expect(row(model.low)).toEqual(
    [...counts].map((_, expert) => Math.min(...steps.map((step) => step[expert]!)) / (total / 2)),
  );
});

test("marks and sentence follow the cursor", () => {
  expect(markExperts(model, 2, undefined)).toMatchObject({
    row: 1,
    marked: [{ expert: 2, role: "busiest" }, { role: "idlest" }],
  });
  const late = markExperts(model, 7, 3);
  expect(late.marked.map(({ expert, role }) => `${role} ${expert}`)).toEqual([
    "followed 3",
    "busiest 0",
    expect.stringMatching(/^idlest/),
  ]);
  expect(late.sentence).toMatch(
    /^At steps 6–7 expert 3 gets 0\.\d\d × its share \(.*%\), the busiest is expert 0 with/,
  );
  expect(markExperts(model, 7, 0).marked.map(({ role }) => role)).toEqual(["followed", "idlest"]);
});

test("a layer without counts gives an empty model that says so", () => {
  const empty = expertsModel(history(0, options), 1, "step");
  const marks = markExperts(empty, -1, 2);
  expect(empty.x).toHaveLength(0);
  expect(marks).toMatchObject({ row: -1, sentence: "No counts of layer 1 for this split yet." });
  expect(spreadSentence([{ model: empty, marks }])).toBe("No counts for this split yet.");
  expect(deathSentence([empty])).toBe("No counts for this split yet.");
  expect([sharedXDomain([empty], "step"), sharedXDomain([model], "step"), sharedYDomain([empty], 4)]).toEqual([
    [0, 1],
    [0, 7],
    [0, 0.53],
  ]);
});

test("a logarithmic axis begins at the smallest share, and at zero where an expert had none", () => {
  const least = Math.min(...model.share);
  expect(sharedLogDomain([model], 4)).toEqual([[least, sharedYDomain([model], 4)[1]], least]);
  const idle = expertsModel(history(4, { experts: 4, load: (_, __, expert) => 300 * expert }), 1, "step");
  const [[low, high], smallest] = sharedLogDomain([model, idle], 4);
  expect([low, smallest]).toEqual([0, least]);
  expect(high).toBeGreaterThan(smallest);
  expect(sharedLogDomain([], 4)[0]).toEqual([0, 0.53]);
});

test("a layer whose history is on its way is not said to be empty", () => {
  const late = expertsModel(history(0, options, 1, "loading"), 1, "step");
  const pane = { model: late, marks: markExperts(late, -1, undefined) };
  expect(isLoading(late)).toBe(true);
  expect([pane.marks.sentence, spreadSentence([pane]), deathSentence([late])]).toEqual(Array(3).fill("Loading…"));
  // Nobody knows yet whether an expert of the other run died.
  const here = { model, marks: markExperts(model, 7, undefined) };
  expect([spreadSentence([here, pane]), deathSentence([model, late])]).toEqual(Array(2).fill("Loading…"));
  const lost = expertsModel(history(0, options, 1, "failed"), 1, "step");
  expect([isLoading(lost), markExperts(lost, -1, undefined).sentence, deathSentence([lost])]).toEqual([
    false,
    "The history could not be fetched.",
    "The history could not be fetched.",
  ]);
});

test("an expert in a bucket, in words", () => {
  expect(expertReading(model, 3, 0).text).toMatch(
    /^Expert 0, steps 6–7: \d+ % of the assignments, \d\.\d\d × its share\.$/,
  );
});

test("quantiles enclose the experts", () => {
  const [lowest, , middle, , highest] = expertQuantiles(Float64Array.of(0.1, 0.2, 0.3, 0.4), 4);
  expect([lowest![0], middle![0], highest![0]]).toEqual([0.1, 0.25, 0.4]);
});

test("only runs with as many experts share a y axis", () => {
  const wide = { ...options, experts: 8, id: "w" };
  const other = expertsModel(history(2, wide), 1, "step");
  expect(sharedYDomain([model, other], 4)).toEqual(sharedYDomain([model], 4));
  expect(sharedYDomain([model, other], 8)).not.toEqual(sharedYDomain([model], 4));
});

test("the table has one row a cell", () => {
  expect(expertsTable([model])).toHaveLength(1 + 4 * 4);
});

test("experts that were ever dead are named", () => {
  const dying = { experts: 4, load: (step: number, _: number, expert: number) => (expert === 1 && step > 1 ? 0 : 300) };
  const dead = expertsModel(history(4, dying), 1, "step");
  expect(deadIn(dead)).toEqual([[], [], [1], [1]]);
  expect(deathSentence([dead, model])).toBe(
    "Dead at some point in layer 1: expert 1 in auxiliary-loss. A click follows an expert.",
  );
  expect(deathSentence([model])).toBe("No expert of layer 1 was dead at any point. A click follows an expert.");
});

test("smoothed shares stay shares, and what is before the first bucket shown is remembered", () => {
  const whole = expertsModel(history(8, options), 1, "step");
  const all = smoothedShares(whole, 4);
  for (let row = 0; row < 8; row++) expect(all.subarray(row * 4, row * 4 + 4).reduce((a, b) => a + b)).toBeCloseTo(1);
  const { buckets, ...rest } = history(8, options);
  const zoomed = expertsModel({ ...rest, lead: buckets.slice(0, 5), buckets: buckets.slice(5) }, 1, "step");
  expect([...smoothedShares(zoomed, 4)]).toEqual([...all.subarray(5 * 4)]);
  expect(smoothedShares(zoomed, 0)).toBe(zoomed.share);
});
