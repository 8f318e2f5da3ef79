import type { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { getHistory, getSummary, testCollector } from "./testing/collector.ts";
import { describedRun, randomStep } from "./testing/runs.ts";
import { TestSender } from "./testing/sender.ts";

test("what was sent is what is stored, before and after a restart", async () => {
  const run = describedRun("round-trip");
  const steps = Array.from({ length: 10 }, (_, index) => randomStep(run, { sequence: index + 1 }));
  const first = await testCollector();
  const sender = await TestSender.connect(first.grpcAddress, run);
  expect(sender.acknowledged).toBe(0);
  for (const step of steps) sender.send({ step });
  await sender.untilAcknowledged(10);
  const summary = await getSummary(first, run.id);
  expectStored(await getHistory(first, run.id, "layers=all"), steps);
  sender.close();
  await first.stop();

  const second = await testCollector({ dataDirectory: first.dataDirectory });
  expectStored(await getHistory(second, run.id, "layers=all"), steps);
  const again = await TestSender.connect(second.grpcAddress, run);
  expect(again.acknowledged).toBe(10);
  const { lastMessageAt, ...known } = await getSummary(second, run.id);
  expect(known).toEqual({ ...summary, lastMessageAt: undefined, $unknowns: undefined });
  expect(lastMessageAt).toBeGreaterThanOrEqual(summary.lastMessageAt);
  again.close();
});

function expectStored(history: v1.History, steps: v1.Step[]): void {
  expect(history.buckets).toHaveLength(steps.length);
  for (const [index, bucket] of history.buckets.entries()) {
    const step = steps[index]!;
    expect(bucket).toMatchObject({
      firstStep: step.step,
      lastStep: step.step,
      steps: 1,
      tokens: step.tokens,
      time: step.time,
    });
    for (const [position, histogram] of step.histograms.entries()) {
      const layer = bucket.layers[position]!;
      expect(layer.layer).toBe(histogram.layer);
      expect(layer.selectionBias).toEqual(histogram.selectionBias);
      expect(layer.categories.map(({ counts, tokens, dropped }) => ({ counts, tokens, dropped }))).toEqual(
        histogram.categories.map(({ counts, tokens, dropped }) => ({ counts, tokens, dropped })),
      );
    }
    const values = bucket.scalars.map(({ name, sum, last }) => ({ name, sum, last }));
    expect(values).toEqual(step.scalars.map(({ name, value }) => ({ name, sum: value, last: value })));
  }
}
