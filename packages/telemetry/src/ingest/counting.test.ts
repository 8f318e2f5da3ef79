import { addRank, type StepSum } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { asNumber, type Database } from "../store/engine/database.ts";
import { Runs } from "../store/runs/runs.ts";
import { Store } from "../store/store.ts";
import type { Messages } from "../store/writing/rows.ts";
import { temporaryDirectory } from "../testing/collector.ts";
import { asStored, comparable } from "../testing/comparable.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { openDatabase } from "../testing/store-kind.ts";
import { Counting } from "./counting.ts";
import { contentOf, type Entry } from "./entry.ts";
import { NumberPool } from "./number-memory.ts";
import { Senders } from "./senders.ts";

const run = describedRun("r", { ranks: 4 });
let database: Database;
let store: Store;
const sender = new Senders([]).connect(run.id, 0, 0, {} as never);
const runs = new Runs(1000);
runs.describe({ description: run, attempt: 0 }, 0);

beforeEach(async () => {
  database = await openDatabase(temporaryDirectory());
  store = await Store.open(database, pino({ level: "silent" }), { rollUpEvery: 32, durability: "os" });
  await store.writeDescriptions([{ description: run, attempt: 0 }]);
  if (!store.owns(run.id)) await store.claim(run.id, () => {});
  store.own(run.id);
});
afterEach(() => database.close());

function message(rank: number, loss: number): v1.Step {
  const { histograms, scalars, ...sent } = randomStep(run, { sequence: 1, rank });
  return v1.Step.create({
    ...sent,
    scalars: [{ name: "loss", value: loss }, ...scalars.slice(1)],
    histograms: histograms.map((histogram) => ({ ...histogram, selectionBias: [0.5, -0.25, 0, 0] })),
  });
}

test("ranks that come after a restart are added to what is stored, as they would have been before it", async () => {
  const sent = [message(3, 30), message(0, Number.NaN), message(1, 10), message(2, 20)];
  let whole: StepSum | undefined;
  for (const [index, step] of sent.entries()) {
    const restarted = new Counting({ store, runs, log: pino({ level: "silent" }) });
    const body = { step, memory: new NumberPool().memory(10_000), sum: undefined as StepSum | undefined };
    await restarted.count([{ sender, sequence: 1, bytes: 10_000, body } as Entry]);
    const sum = body.sum!;
    whole = addRank(step, whole);
    expect(comparable([asStored(sum.bucket)])).toEqual(comparable([asStored(whole.bucket)]));
    expect([sum.ranks, sum.busiest, sum.shown.scalars]).toEqual([index + 1, whole.busiest, whole.shown.scalars]);
    await store.write(store.layOut({ steps: [{ message: step, sum }], ends: [], streams: [] }));
  }
  expect(whole!.bucket.scalars[0]).toMatchObject({ name: "loss", first: 10, last: 10, values: 3, nanValues: 1 });
});

test.each([false, true])(
  "ranks of a batch are added up at once, one that cannot be among them: %s",
  async (isBroken) => {
    const steps = [message(3, 30), message(1, 10), message(2, 20)];
    // One that has no part in the last layer, as in a pipeline.
    steps[2]!.histograms.pop();
    const broken = v1.Step.create({ ...message(0, 5), histograms: [undefined] as never });
    const sent = isBroken ? [steps[0]!, broken, ...steps.slice(1)] : steps;
    const entries = sent.map((step): Entry => {
      return { sender, sequence: 1, bytes: 10_000, body: { step, memory: new NumberPool().memory(10_000) } };
    });
    await new Counting({ store, runs, log: pino({ level: "silent" }) }).count(entries);
    const content = contentOf(entries);
    expect(content.steps.map(({ message }) => message)).toEqual(steps);
    expect(content.steps.map(({ sum }) => sum.ranks)).toEqual([1, 2, 3]);
    const whole = steps.reduce<StepSum | undefined>((sum, step) => addRank(step, sum), undefined)!;
    expect(comparable([asStored(content.steps[2]!.sum.bucket)])).toEqual(comparable([asStored(whole.bucket)]));
    await expectOneRowOfLayers(content, whole);
  },
);

/** Of all ranks in a batch. */
async function expectOneRowOfLayers(content: Messages, { bucket }: StepSum): Promise<void> {
  const batch = store.layOut(content);
  await store.write(batch);
  const rows = await database.rows(
    `SELECT layer, ranks, tokens, max_violation FROM moescope.layers WHERE batch = ${batch.number} ORDER BY layer`,
  );
  const found = rows.map(([layer, ranks, tokens, violation]) => [...[layer, ranks, tokens].map(asNumber), violation]);
  const ranks = bucket.layers.map((_, index) => (index === bucket.layers.length - 1 ? 2 : 3));
  expect(found).toEqual(
    bucket.layers.map(({ layer, tokens, maxViolation }, index) => [layer, ranks[index], tokens, maxViolation!.last]),
  );
}
