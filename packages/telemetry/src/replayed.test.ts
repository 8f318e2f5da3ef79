// A stream that is sent again from its start: once more, after a restart, and by two senders at the same time.
import { PROTOCOL_VERSION, v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { testCollector } from "./testing/collector.ts";
import { Ledger } from "./testing/ledger.ts";
import { describedRun, randomStep } from "./testing/runs.ts";
import { TestSender } from "./testing/sender.ts";

const STEPS = 80;
const run = describedRun("replayed");
const requests: v1.ReportRequest.$Properties[] = [
  ...Array.from({ length: STEPS }, (_, index) => ({ step: randomStep(run, { sequence: index + 1 }) })),
  { end: v1.RunEnd.create({ run: run.id, sequence: STEPS + 1, outcome: v1.RunEnd.Outcome.FINISHED, endedAt: 1 }) },
];
const ledger = new Ledger();
for (const { step, end } of requests) ledger.add(run, step ? { step: step as v1.Step } : { end: end as v1.RunEnd });

/** Sends everything from the start, whatever the collector says it has, and again whenever the stream breaks. @returns streams it took */
async function replay(address: string): Promise<number> {
  for (let streams = 1; ; streams++) {
    const sender = new TestSender(address);
    sender.send({ hello: { protocolVersion: PROTOCOL_VERSION, run, rank: 0, attempt: 0 } });
    for (const request of requests) sender.send(request);
    const acknowledged = await sender.untilAcknowledged(STEPS + 1).then(
      () => true,
      () => false, // another sender of the same rank has taken over
    );
    sender.close();
    await sender.status;
    if (acknowledged) return streams;
  }
}

test("is stored once, however often it comes", { timeout: 120_000 }, async () => {
  const first = await testCollector();
  const streams = await Promise.all([replay(first.grpcAddress), replay(first.grpcAddress)]);
  // Otherwise they were not there at the same time.
  expect(Math.max(...streams)).toBeGreaterThan(1);
  await ledger.expectStored(first);

  const before = first.counters.duplicates;
  await replay(first.grpcAddress);
  expect(first.counters.duplicates - before).toBe(STEPS + 1);
  await ledger.expectStored(first);
  await first.stop();

  const second = await testCollector({ dataDirectory: first.dataDirectory });
  await replay(second.grpcAddress);
  expect(second.counters).toMatchObject({ stored: 0, duplicates: STEPS + 1 });
  await ledger.expectStored(second);
});
