import { expect, test } from "vitest";
import { getSummary, testCollector } from "../testing/collector.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { TestSender } from "../testing/sender.ts";

test("a sender that outruns the store is made to wait, and loses nothing", async () => {
  const collector = await testCollector({ maxPendingBytes: 100_000 });
  const run = describedRun("outrun");
  const sender = await TestSender.connect(collector.grpcAddress, run);
  for (let sequence = 1; sequence <= 600; sequence++) sender.send({ step: randomStep(run, { sequence }) });
  await sender.untilAcknowledged(600);
  expect((await getSummary(collector, run.id)).steps).toBe(600);
  expect(collector.counters.waits).toBeGreaterThan(0);
  sender.close();
});
