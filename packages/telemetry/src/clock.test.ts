// The clock of the machine is set, by hours and both ways: order, silence, heartbeats and attempts do not depend on it.
import { v1 } from "@moescope/proto";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { getHistory, getSummary, testCollector } from "./testing/collector.ts";
import { describedRun, randomStep } from "./testing/runs.ts";
import { TestSender } from "./testing/sender.ts";
import { TestViewer } from "./testing/viewer.ts";

const { LIVE, SILENT } = v1.RunSummary.State;
const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 10, 21, 12);
const run = describedRun("set");

// Only what tells the time of day: timers, and the clock that runs on, are real.
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: NOON }));
afterEach(() => void vi.useRealTimers());

const setClock = (hours: number) => vi.setSystemTime(NOON + hours * HOUR);

async function untilState(viewer: TestViewer, state: v1.RunSummary.State): Promise<void> {
  await viewer.find((event) => event.run?.state === state || undefined);
}

test.each([-5, 7])("a run falls silent in its time when the clock is set by %i hours, and no sooner", async (hours) => {
  const collector = await testCollector({ silentAfter: 1_000 });
  const viewer = await TestViewer.open(collector, "runs=all");
  const sender = await TestSender.connect(collector.grpcAddress, run);
  sender.send({ step: randomStep(run, { sequence: 1 }) });
  await sender.untilAcknowledged(1);
  setClock(hours);
  expect((await getSummary(collector, run.id)).state).toBe(LIVE);
  sender.send({ step: randomStep(run, { sequence: 2 }) });
  await sender.untilAcknowledged(2);
  expect(await getSummary(collector, run.id)).toMatchObject({ state: LIVE, lastMessageAt: NOON + hours * HOUR });
  setClock(-hours);
  sender.close();
  await sender.status;
  expect((await getSummary(collector, run.id)).state).toBe(LIVE);
  await untilState(viewer, SILENT);
});

test("a collector that starts with its clock set back does not wait for hours", async () => {
  const first = await testCollector();
  const sender = await TestSender.connect(first.grpcAddress, run);
  sender.send({ step: randomStep(run, { sequence: 1 }) });
  await sender.untilAcknowledged(1);
  sender.close();
  await first.stop();
  setClock(-5);
  const second = await testCollector({ dataDirectory: first.dataDirectory, silentAfter: 1_000 });
  await untilState(await TestViewer.open(second, "runs=all"), SILENT);
});

test("a viewer gets heartbeats all the while", async () => {
  const collector = await testCollector({ heartbeatInterval: 50 });
  const viewer = await TestViewer.open(collector, "runs=all");
  for (const hours of [0, -5, 7]) {
    setClock(hours);
    await viewer.find(({ heartbeat }) => heartbeat?.time === NOON + hours * HOUR || undefined);
  }
});

test("steps keep their order, and attempts theirs, when the sender's clock goes back", async () => {
  const collector = await testCollector();
  for (const attempt of [0, 1]) {
    const sender = await TestSender.connect(collector.grpcAddress, run, 0, attempt);
    for (let sequence = 1; sequence <= 40; sequence++) {
      const step = 20 * attempt + sequence - 1;
      // Every step an hour before the one before it, the second attempt a day before the first.
      sender.send({ step: randomStep(run, { sequence, attempt, step, time: NOON - (24 * attempt + step) * HOUR }) });
    }
    await sender.untilAcknowledged(40);
    sender.close();
  }
  const { buckets } = await getHistory(collector, run.id);
  const shown = Array.from({ length: 60 }, (_, step) => ({ firstStep: step, attempt: step < 20 ? 0 : 1 }));
  expect(buckets.map(({ firstStep, attempt }) => ({ firstStep, attempt }))).toEqual(shown);
  // Rolled up, a bucket has the time of its last step.
  const lastTime = NOON - (24 + 59) * HOUR;
  expect((await getHistory(collector, run.id, "points=1")).buckets.map(({ time }) => time)).toEqual([lastTime]);
  expect(await getSummary(collector, run.id)).toMatchObject({
    lastStep: 59,
    attempts: [{ firstStep: 0 }, { parent: 0 }],
  });
});
