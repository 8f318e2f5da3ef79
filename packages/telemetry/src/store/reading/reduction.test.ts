// What SQL makes of stored steps is what packages/metrics makes of the same steps, in buckets of every width.
import { addRank, type StepSum, sumBuckets } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import fc from "fast-check";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { temporaryDirectory } from "../../testing/collector.ts";
import { asStored, comparable } from "../../testing/comparable.ts";
import { describedRun } from "../../testing/runs.ts";
import { openDatabase } from "../../testing/store-kind.ts";
import type { Database } from "../engine/database.ts";
import { UNSEALED } from "../schema/pieces.ts";
import { Store } from "../store.ts";
import { shownAttempts } from "./attempts.ts";
import { queryHistory } from "./history.ts";

const STEPS = 256;
const WIDTHS = [1, 2, 32, 64, 128, 256];
/** Layers of different numbers of experts. */
const EXPERTS: ReadonlyMap<number, number> = new Map([
  [0, 3],
  [2, 5],
  [7, 1],
]);

let database: Database;
let store: Store;
beforeEach(async () => {
  database = await openDatabase(temporaryDirectory());
  store = await Store.open(database, pino({ level: "silent" }), { rollUpEvery: 32, durability: "os" });
});
afterEach(() => database.close());

const uint64 = fc.oneof(fc.nat({ max: 1000 }), fc.constant(Number.MAX_SAFE_INTEGER));
const count = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 1000 }), fc.constant(2 ** 32 - 1));
/** Their sums are exact. */
const fraction = fc.nat({ max: 2 ** 20 }).map((whole) => whole / 1024);
const value = fc.oneof(
  fraction,
  fraction.map((each) => -each),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0),
);
const scalars = fc.array(fc.record({ name: fc.constantFrom("loss", "b", "ä"), value }), { maxLength: 4 });
const forEach = (length: number, item: fc.Arbitrary<number>) =>
  fc.array(item, { minLength: length, maxLength: length });

function histogramOf([layer, experts]: [number, number]): fc.Arbitrary<v1.RoutingHistogram> {
  const routing = (category: number) =>
    fc
      .record({ counts: forEach(experts, count), tokens: uint64, dropped: uint64 })
      .map((sent) => v1.CategoryRouting.create({ category, ...sent }));
  // None is a padded rank, or the stage of a pipeline.
  const categories = fc.shuffledSubarray([0, 1, 4]).chain((chosen) => fc.tuple(...chosen.map(routing)));
  const selectionBias = fc.oneof(fc.constant<number[]>([]), forEach(experts, fraction));
  return fc.record({ categories, selectionBias }).map((sent) => v1.RoutingHistogram.create({ layer, ...sent }));
}

const someLayers = fc.oneof(fc.constant([...EXPERTS]), fc.shuffledSubarray([...EXPERTS]));
const content = fc.record({
  ...{ scalars, tokens: uint64, time: fraction },
  histograms: someLayers.chain((layers) => fc.tuple(...layers.map(histogramOf))),
});

/** Some steps of some ranks, in the order that they are stored. */
const messages: fc.Arbitrary<{ ranks: number; sent: v1.Step[] }> = fc.constantFrom(1, 3).chain((ranks) => {
  const oneStep = fc.shuffledSubarray([...Array(ranks).keys()], { minLength: ranks - 1 });
  const order = fc.array(oneStep, { minLength: STEPS, maxLength: STEPS }).map((steps) => {
    return steps.flatMap((present, step) => present.map((rank) => ({ rank, step })));
  });
  return order
    .chain((places) => fc.tuple(...places.map((place) => content.map((sent) => v1.Step.create({ ...sent, ...place })))))
    .map((sent) => ({ ranks, sent }));
});

/** Stores steps batch by batch. @returns them added up by packages/metrics, by step */
async function storeAll(run: v1.RunDescription, sent: readonly v1.Step[]): Promise<Map<number, StepSum>> {
  await store.writeDescriptions([{ description: run, attempt: 0 }]);
  if (!store.owns(run.id)) await store.claim(run.id, () => {});
  store.own(run.id);
  const sums = new Map<number, StepSum>();
  for (let from = 0; from < sent.length; from += 100) {
    const steps = sent.slice(from, from + 100).map((step, index) => {
      const message = v1.Step.create({ ...step, run: run.id, split: v1.Split.TRAIN, sequence: from + index + 1 });
      sums.set(step.step, addRank(message, sums.get(step.step)));
      return { message, sum: sums.get(step.step)! };
    });
    await store.write(store.layOut({ steps, ends: [], streams: [] }));
  }
  return sums;
}

async function history({ id, ranks }: v1.RunDescription, width: number, from: "rollups" | "steps") {
  const { bucketWidth, buckets } = await queryHistory(
    {
      ...{ run: id, split: v1.Split.TRAIN, from: 0, to: STEPS - 1, points: STEPS / width, ranks },
      ...{ layers: [...EXPERTS.keys()], attempts: shownAttempts([{ attempt: 0, firstStep: 0 }]) },
      sealed: (attempt) => (from === "steps" ? UNSEALED : store.sealed(id, v1.Split.TRAIN, attempt)),
      ...{ singleFrom: () => 0, exists: store.existing(id) },
    },
    database,
  );
  expect(bucketWidth).toBe(width);
  return comparable(buckets.map(asStored));
}

function addedUp(sums: ReadonlyMap<number, StepSum>, width: number) {
  const inBuckets = new Map<number, v1.StepBucket[]>();
  for (const step of [...sums.keys()].sort((a, b) => a - b)) {
    const bucket = Math.floor(step / width);
    inBuckets.set(bucket, [...(inBuckets.get(bucket) ?? []), sums.get(step)!.bucket]);
  }
  return comparable([...inBuckets.values()].map((steps) => asStored(sumBuckets(steps)!)));
}

test("history answers what packages/metrics makes of the same steps, from rollups and from steps alike", async () => {
  let runs = 0;
  const property = fc.asyncProperty(messages, async ({ ranks, sent }) => {
    const run = describedRun(`run-${runs++}`, { ranks, moeLayers: [...EXPERTS.keys()] });
    const sums = await storeAll(run, sent);
    for (const width of WIDTHS) {
      const expected = addedUp(sums, width);
      expect(await history(run, width, "steps")).toEqual(expected);
      expect(await history(run, width, "rollups")).toEqual(expected);
    }
    expect(store.sealedUntil(run.id, v1.Split.TRAIN, 0)).toBeGreaterThanOrEqual(128);
  });
  // A smaller example takes as long to store, so none is looked for.
  await fc.assert(property, { seed: 20_408_154, numRuns: 6, endOnFailure: true });
});
