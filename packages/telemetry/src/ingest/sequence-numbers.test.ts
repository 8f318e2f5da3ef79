// What packages/proto/README.md says of sequence numbers.
import { v1 } from "@moescope/proto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Collector } from "../index.ts";
import { getHistory, startTestCollector } from "../testing/collector.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { TestSender } from "../testing/sender.ts";

const { OUT_OF_ORDER, MALFORMED } = v1.Rejection.Reason;

let collector: Collector;
beforeAll(async () => {
  collector = await startTestCollector();
});
afterAll(() => collector.stop());

const connect = (run: v1.RunDescription, rank = 0, attempt = 0) =>
  TestSender.connect(collector.grpcAddress, run, rank, attempt);

async function storedSteps(run: v1.RunDescription): Promise<number[]> {
  return (await getHistory(collector, run.id)).buckets.map(({ firstStep }) => firstStep);
}

test("the first after a Hello may be any from 1; the next is one more, and any other is refused without taking a number", async () => {
  const run = describedRun("any-first");
  const sender = await connect(run);
  sender.send({ step: randomStep(run, { sequence: 40 }) });
  sender.send({ step: randomStep(run, { sequence: 42 }) });
  sender.send({ step: randomStep(run, { sequence: 41 }) });
  await sender.untilAcknowledged(41);
  expect(sender.rejections).toMatchObject([
    { sequence: 42, reason: OUT_OF_ORDER, message: "sequence 42, expected 41" },
  ]);
  expect(await storedSteps(run)).toEqual([39, 40]);
  sender.close();
});

test("another Hello on the same stream is answered by what is stored, and lets the next number leave a gap", async () => {
  const run = describedRun("hello-again");
  const sender = await connect(run);
  sender.send({ step: randomStep(run, { sequence: 1 }) });
  await sender.untilAcknowledged(1);
  sender.send({ step: randomStep(run, { sequence: 5 }) });
  expect(await sender.untilRejected()).toMatchObject({ reason: OUT_OF_ORDER, sequence: 5 });
  sender.send({ hello: { protocolVersion: 2, run } });
  sender.send({ step: randomStep(run, { sequence: 5 }) });
  await sender.untilAcknowledged(5);
  expect(await storedSteps(run)).toEqual([0, 4]);
  sender.close();
});

test("a message that is refused has used its number, also after the connection is lost", async () => {
  const run = describedRun("used-number");
  const first = await connect(run);
  first.send({ step: randomStep(run, { sequence: 1, split: 0 }) });
  await first.untilAcknowledged(1);
  expect(first.rejections).toMatchObject([{ sequence: 1, reason: MALFORMED }]);
  first.cut();
  const second = await connect(run);
  expect(second.acknowledged).toBe(1);
  // Sent again, it is not stored either.
  second.send({ step: randomStep(run, { sequence: 1 }) });
  second.send({ step: randomStep(run, { sequence: 2 }) });
  await second.untilAcknowledged(2);
  expect(await storedSteps(run)).toEqual([1]);
  second.close();
});

test("a Hello is answered when what an earlier stream of the rank has sent is stored", async () => {
  for (let round = 0; round < 8; round++) {
    const run = describedRun(`in-flight-${round}`);
    const first = await connect(run);
    for (let sequence = 1; sequence <= 5; sequence++) first.send({ step: randomStep(run, { sequence }) });
    const second = await connect(run);
    const sequence = second.acknowledged + 1;
    second.send({ step: randomStep(run, { sequence, step: 100 }) });
    await second.untilAcknowledged(sequence);
    // Of the first what the answer said, and not the message of the second in place of one of them.
    expect(await storedSteps(run)).toEqual([...Array(sequence - 1).keys(), 100]);
    second.close();
  }
});

test("every rank and every attempt counts from 1, the end included", async () => {
  const run = describedRun("each-its-own", { ranks: 2 });
  for (const [rank, attempt] of [
    [0, 0],
    [1, 0],
    [0, 1],
  ] as const) {
    const sender = await connect(run, rank, attempt);
    expect(sender.acknowledged).toBe(0);
    sender.send({ step: randomStep(run, { sequence: 1, rank, attempt }) });
    sender.send({ end: { run: run.id, rank, attempt, sequence: 2, outcome: v1.RunEnd.Outcome.STOPPED } });
    await sender.untilAcknowledged(2);
    sender.close();
  }
});
