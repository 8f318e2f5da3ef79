// What protocol 2 sends, through a real store: read back the same from steps and from rollups, and the same as it adds up elsewhere.

import { addBucket, addRank, type StepSum } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { afterEach, expect, test } from "vitest";
import { temporaryDirectory } from "../../testing/collector.ts";
import { about, comparable } from "../../testing/comparable.ts";
import { unevenRun, unevenStep } from "../../testing/protocol-2.ts";
import { RunInStore } from "../../testing/run-in-store.ts";
import { asStored } from "../writing/gates.ts";

let store: RunInStore;
afterEach(() => store.database.close());

/** Buckets of the steps, added up without a store. */
function added(steps: readonly v1.Step[], width: number): v1.StepBucket[] {
  const sums = new Map<number, StepSum>();
  for (const step of steps) sums.set(step.step, addRank(copyOf(step), sums.get(step.step)));
  const buckets = new Map<number, v1.StepBucket>();
  for (const step of [...sums.keys()].sort((a, b) => a - b)) {
    const bucket = Math.floor(step / width);
    buckets.set(bucket, addBucket(buckets.get(bucket), sums.get(step)!.bucket));
  }
  return [...buckets.values()].map(inOrder);
}

function inOrder(bucket: v1.StepBucket): v1.StepBucket {
  for (const { categories } of bucket.layers) categories!.sort((a, b) => a.category! - b.category!);
  bucket.layers.sort((a, b) => a.layer! - b.layer!);
  return bucket;
}

function copyOf(step: v1.Step): v1.Step {
  const copy = v1.Step.decode(v1.Step.encode(step).finish());
  asStored(copy);
  return copy;
}

test.each([1, 3])(
  "history is what steps of %i ranks add up to, at every width and however it is read",
  async (ranks) => {
    const run = unevenRun("uneven", { ranks });
    store = await RunInStore.open(run, temporaryDirectory());
    const steps: v1.Step[] = [];
    for (let from = 0; from < 300; from += 50) {
      const batch = Array.from({ length: 50 * ranks }, (_, index) => {
        return unevenStep(run, { step: from + (index % 50), rank: Math.floor(index / 50) });
      });
      steps.push(...batch);
      await store.write(batch.map(copyOf));
      // Rollups from here on are made of what is stored.
      if (from === 150) await store.reopen();
    }
    for (const width of [1, 2, 32, 64, 128, 512]) {
      const asked = { from: 0, to: 299, points: Math.ceil(300 / width) };
      const expected = about(comparable(added(steps, width)));
      for (const from of ["steps", "rollups"] as const) {
        expect(comparable(await store.history(asked, from)), `${width} ${from}`).toEqual(expected);
      }
    }
  },
);

test("rollups hold what steps held: they are not needed any more", async () => {
  const run = unevenRun("expired", { ranks: 2 });
  store = await RunInStore.open(run, temporaryDirectory());
  const steps = Array.from({ length: 256 }, (_, index) => unevenStep(run, { step: index >> 1, rank: index & 1 }));
  await store.write(steps.map(copyOf));
  await store.store.expire([{ run: run.id, attempt: 0, until: 96 }]);
  while (!(await store.store.deleteExpired())) await store.database.runOnEach(() => "SELECT 1");
  expect(await store.database.rows("SELECT min(step) FROM moescope.gates")).toEqual([[96]]);
  const buckets = await store.history({ from: 0, to: 127, points: 4 }, "rollups");
  expect(comparable(buckets)).toEqual(about(comparable(added(steps, 32))));
});

test("gate mass that is no number, or without end, is answered as it is", async () => {
  const run = unevenRun("diverged", { layers: [new v1.MoeLayer({ index: 0, experts: 4, topK: 1 })], moeLayers: [0] });
  store = await RunInStore.open(run, temporaryDirectory());
  const gateMass = [Number.NaN, Number.POSITIVE_INFINITY, -0.5, 0];
  const categories = [new v1.CategoryRouting({ category: 0, counts: [1, 2, 3, 4], tokens: 10 })];
  const histogram = new v1.RoutingHistogram({ layer: 0, categories, gateMass, meanProbability: gateMass });
  await store.write([0, 1].map((step) => unevenStep(run, { step, histograms: [histogram] })));
  const [bucket] = await store.history({ from: 1, to: 1, points: 1 }, "steps");
  const [layer] = bucket!.layers!;
  expect([...layer!.gateMass!]).toEqual(gateMass);
  expect([...layer!.meanProbability!]).toEqual(gateMass);
  expect(layer!.probabilityTokens).toBe(10);
});
