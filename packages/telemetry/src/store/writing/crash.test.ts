import type { v1 } from "@moescope/proto";
import { describe, expect, test } from "vitest";
import type { Collector } from "../../index.ts";
import { getHistory, getSummary, temporaryDirectory, testCollector } from "../../testing/collector.ts";
import { CollectorProcess } from "../../testing/collector-process.ts";
import { describedRun, randomStep } from "../../testing/runs.ts";
import { TestSender } from "../../testing/sender.ts";
import { BATCH_TABLES, ROLLED_TABLES } from "../schema/schema.ts";

const STEPS = 100;
const run = describedRun("killed");
const steps = Array.from({ length: STEPS }, (_, index) => {
  const attention = [{ layer: 1, head: 0, tokenClass: ["#"], share: [1] }] as v1.AttentionByToken[];
  const heads = [{ layer: 1, head: 0, previousToken: 0.5 }] as v1.HeadProfile[];
  const saturation = [{ layer: 1, earlierStep: index > 0 ? [0] : [], share: index > 0 ? [0.5] : [] }];
  return randomStep(run, { sequence: index + 1, attention, heads, saturation: saturation as v1.RouterSaturation[] });
});
const end = { run: run.id, sequence: STEPS + 1, outcome: 1, endedAt: 1 };

/** Sends what is not acknowledged yet, one message after the other, until the stream breaks or everything is acknowledged. */
async function sendRest(
  sender: TestSender,
  from: number,
  pauseAfter: (sequence: number) => Promise<void>,
): Promise<void> {
  for (let sequence = from; sequence <= STEPS; sequence++) {
    sender.send({ step: steps[sequence - 1]! });
    await pauseAfter(sequence);
  }
  sender.send({ end });
  await sender.untilAcknowledged(STEPS + 1);
}

/** A new collector takes the rest; then everything is there, once. */
async function expectCompletedBy(dataDirectory: string, acknowledged: number): Promise<void> {
  const collector = await testCollector({ dataDirectory });
  const sender = await TestSender.connect(collector.grpcAddress, run);
  expect(sender.acknowledged).toBeGreaterThanOrEqual(acknowledged);
  await sendRest(sender, sender.acknowledged + 1, async () => {});
  const { buckets } = await getHistory(collector, run.id, "layers=all");
  expect(buckets.map((bucket) => bucket.firstStep)).toEqual(steps.map((step) => step.step));
  for (const [index, bucket] of buckets.entries()) {
    const stored = bucket.layers.map((layer) => layer.categories.map(({ counts, tokens }) => ({ counts, tokens })));
    const sent = steps[index]!.histograms.map((h) => h.categories.map(({ counts, tokens }) => ({ counts, tokens })));
    expect(stored).toEqual(sent);
    expect(bucket.scalars.map((scalar) => scalar.values)).toEqual([1, 1]);
    expect(bucket.layers.map((layer) => layer.maxViolation.values)).toEqual([1, 1]);
  }
  await expectRolledUp(collector);
  expect(await getSummary(collector, run.id)).toMatchObject({ steps: STEPS, state: 3 });
  sender.close();
  await collector.stop();
}

async function expectRolledUp(collector: Collector): Promise<void> {
  const { buckets, bucketWidth } = await getHistory(collector, run.id, "layers=all&points=4");
  expect([bucketWidth, buckets.length]).toEqual([32, 4]);
  for (const [index, bucket] of buckets.entries()) {
    const sent = steps.slice(index * 32, index * 32 + 32);
    expect(bucket.steps).toBe(sent.length);
    for (const [position, layer] of bucket.layers.entries()) {
      const counts = sent.map((step) => step.histograms[position]!.categories.map((category) => category.counts));
      for (const category of layer.categories) {
        expect(category.counts).toEqual(plus(counts.map((categories) => categories[category.category]!)));
      }
      const loads = counts.map(plus);
      expect(layer.countsMax).toEqual(loads[0]!.map((_, expert) => Math.max(...loads.map((load) => load[expert]!))));
      expect(layer.maxViolation.values).toBe(sent.length);
    }
  }
}

function plus(arrays: number[][]): number[] {
  return arrays[0]!.map((_, index) => arrays.reduce((sum, array) => sum + array[index]!, 0));
}

describe("killed between two tables of a batch", () => {
  test.each([
    ...[...BATCH_TABLES.slice(1, -1), "streams"].map((table) => [table, 3] as const),
    ...[...ROLLED_TABLES, "sealed"].map((table) => [table, 2] as const),
  ])("before %s", async (table, time) => {
    const dataDirectory = temporaryDirectory();
    const killed = await CollectorProcess.start(dataDirectory, { table, time });
    const sender = await TestSender.connect(killed.grpcAddress, run);
    const acknowledgeEach = (sequence: number) =>
      sequence % 10 === 0 ? sender.untilAcknowledged(sequence) : Promise.resolve();
    await expect(sendRest(sender, 1, acknowledgeEach)).rejects.toThrow(/stream ended/);
    await killed.gone();
    await expectCompletedBy(dataDirectory, sender.acknowledged);
  });
});
