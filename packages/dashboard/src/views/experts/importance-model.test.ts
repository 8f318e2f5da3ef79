import { expect, test } from "vitest";
import { syntheticBuckets, syntheticChosen } from "../../testing/synthetic-run.ts";
import {
  expertReading,
  expertsModel,
  expertsTable,
  markExperts,
  sharedYDomain,
  smoothedShares,
} from "./experts-model.ts";
import { hasGates, importanceSentence } from "./importance-model.ts";

const options = { experts: 4, load: () => 60 };
const chosen = syntheticChosen(options, 4);
const history = { chosen, lead: [], width: 1, status: "ready" as const, newest: undefined };

/** @param massOf of an expert in a step, for a load of 60 */
function modelOf(massOf: (step: number, expert: number) => number) {
  const buckets = syntheticBuckets(4, options).map((bucket, step) => ({
    ...bucket,
    layers: bucket.layers!.map((layer) => ({ ...layer, gateMass: [0, 1, 2, 3].map((expert) => massOf(step, expert)) })),
  }));
  return expertsModel({ ...history, buckets }, 1, "step");
}

const plain = expertsModel({ ...history, buckets: syntheticBuckets(4, options) }, 1, "step");
const even = modelOf((step, expert) => (expert === 3 ? 30 - 6 * step : 30));
const starved = modelOf((step, expert) => (step > 1 && expert < 2 ? 0.01 : 30));

test("a run that does not say what its gates are has none, not zero", () => {
  expect([hasGates(plain), hasGates(even)]).toEqual([false, true]);
  expect(expertReading(plain, 0, 0).gates).toBeUndefined();
  expect(expertsTable([plain])[1]!.slice(-3)).toEqual(["", "", ""]);
  expect(importanceSentence([{ model: plain, marks: markExperts(plain, 2, undefined) }])).toBe(
    "No gate mass has arrived at the step cursor.",
  );
});

test("the share of gate mass is that of the layer, and stands beside the share of load", () => {
  expect([...even.gateShare.subarray(12)]).toEqual([30, 30, 30, 12].map((mass) => mass / 102));
  expect(expertReading(even, 3, 3).text).toMatch(
    /25 % of the assignments, 1\.00 × its share, 12 % of the gate mass\.$/,
  );
  expect(expertsTable([even])[0]!.slice(-3)).toEqual(["gate_mass", "gate_mass_share", "selection_bias"]);
  expect(expertsTable([even]).at(-1)!.slice(-3)).toEqual([12, 12 / 102, ""]);
});

test("at the cursor, gate mass is held against the load", () => {
  const sentence = (step: number) => importanceSentence([{ model: even, marks: markExperts(even, step, undefined) }]);
  expect(sentence(0)).toMatch(/gate mass is 1\.00 × \(expert \d\) to 1\.00 ×/);
  expect(sentence(3)).toBe(
    "In layer 1 of auxiliary-loss at step 3 an expert's share of gate mass is 0.47 × (expert 3) to 1.18 × (expert 0) its share of load.",
  );
});

test("experts with load and next to no gate mass are named", () => {
  const pane = (step: number) => ({ model: starved, marks: markExperts(starved, step, undefined) });
  expect(importanceSentence([pane(1)])).not.toContain("next to no");
  expect(importanceSentence([pane(2), { model: even, marks: markExperts(even, 3, undefined) }])).toBe(
    "In layer 1 of auxiliary-loss at step 2 experts 0 and 1 get 50 % of the load and next to no gate mass. In layer 1 of auxiliary-loss at step 3 an expert's share of gate mass is 0.47 × (expert 3) to 1.18 × (expert 0) its share of load.",
  );
});

test("its axis holds the load as well, and smoothed lines stay shares", () => {
  const [, high] = sharedYDomain([starved], 4, ["share", "gateShare"]);
  expect(high).toBeCloseTo(0.5 * 1.06, 2);
  const smoothed = smoothedShares(starved, 4, "gateShare");
  for (let row = 0; row < 4; row++)
    expect(smoothed.subarray(row * 4, row * 4 + 4).reduce((a, b) => a + b)).toBeCloseTo(1);
});
