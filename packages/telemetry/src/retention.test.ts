import { v1 } from "@moescope/proto";
import protobuf from "protobufjs/minimal.js";
import { expect, test } from "vitest";
import { get, getHistory, getSummary, temporaryDirectory, testCollector } from "./testing/collector.ts";
import { comparable } from "./testing/comparable.ts";
import { describedRun, randomStep } from "./testing/runs.ts";
import { TestSender } from "./testing/sender.ts";
import { TestViewer } from "./testing/viewer.ts";

const KEEP_24_STEPS = { keepSingle: { steps: 24 }, retentionInterval: 20 };
const run = describedRun("old");

type Address = Parameters<typeof getHistory>[0];

async function send(collector: Awaited<ReturnType<typeof testCollector>>, steps: v1.Step[]): Promise<TestSender> {
  const sender = await TestSender.connect(collector.grpcAddress, run, 0, steps[0]!.attempt);
  for (const step of steps) sender.send({ step });
  await sender.untilAcknowledged(steps.at(-1)!.sequence);
  return sender;
}

function steps(first: number, before: number, attempt = 0): v1.Step[] {
  return Array.from({ length: before - first }, (_, index) => {
    return randomStep(run, { sequence: index + 1, step: first + index, attempt });
  });
}

/** Resolves when the newest attempt's steps before this one have expired. */
async function untilExpired(viewer: TestViewer, attempt: number, before: number): Promise<void> {
  await viewer.find((event) => event.run?.attempts[attempt]?.singleFrom === before || undefined);
}

async function wide(collector: Address, query = ""): Promise<unknown> {
  const { buckets } = await getHistory(collector, run.id, `layers=all&points=3&${query}`);
  return comparable(buckets);
}

test("steps that are too old are answered from their sums, exactly, deleted yet or not", async () => {
  const dataDirectory = temporaryDirectory();
  const keepsAll = await testCollector({ dataDirectory });
  const sender = await send(keepsAll, steps(0, 90));
  // Where several share a store, the steps of a run that has ended expire at any of them.
  const { FINISHED: outcome } = v1.RunEnd.Outcome;
  sender.send({ end: { run: run.id, sequence: 91, outcome, reason: "", endedAt: Date.now() } });
  await sender.untilAcknowledged(91);
  sender.close();
  const [before, newest] = [await wide(keepsAll), await getHistory(keepsAll, run.id, "from=64&layers=all")];
  const summary = await getSummary(keepsAll, run.id);
  await keepsAll.stop();

  const collector = await testCollector({ dataDirectory, ...KEEP_24_STEPS });
  await untilExpired(await TestViewer.open(collector, "runs=all"), 0, 64);
  while ((await histogramsInStore(collector)) > 26) expect(await wide(collector)).toEqual(before);
  expect(await wide(collector)).toEqual(before);
  const single = await getHistory(collector, run.id, "from=64&layers=all");
  expect(single).toEqual(newest);
  expect([single.finestWidth, single.bucketWidth, single.buckets.length]).toEqual([1, 1, 26]);
  const { loss, maxViolation } = await getSummary(collector, run.id);
  expect([loss, maxViolation]).toEqual([summary.loss, summary.maxViolation]);
  await collector.stop();

  const reopened = await testCollector({ dataDirectory });
  expect((await getSummary(reopened, run.id)).attempts[0]!.singleFrom).toBe(64);
  expect(await wide(reopened)).toEqual(before);
}, 30_000);

test("a range that begins among steps that are sums alone is widened to whole sums, and says so", async () => {
  const collector = await testCollector(KEEP_24_STEPS);
  const sender = await send(collector, steps(0, 90));
  await untilExpired(await TestViewer.open(collector, "runs=all"), 0, 64);
  const one = await getHistory(collector, run.id, "from=37&to=37&points=1&layers=all");
  expect([one.finestWidth, one.bucketWidth, one.buckets.length]).toEqual([32, 32, 1]);
  expect(one.buckets[0]).toMatchObject({ firstStep: 32, lastStep: 63, steps: 32 });
  const { buckets } = await getHistory(collector, run.id, "from=20&to=70&points=100");
  const ranges = buckets.map(({ firstStep, lastStep }) => [firstStep, lastStep]);
  expect(ranges).toEqual([
    [0, 31],
    [32, 63],
    [64, 70],
  ]);
  sender.close();
});

test("a step that comes when the steps around it are sums alone is refused, and the stream lives on", async () => {
  const collector = await testCollector(KEEP_24_STEPS);
  const sender = await send(collector, steps(0, 90));
  await untilExpired(await TestViewer.open(collector, "runs=all"), 0, 64);
  const before = await wide(collector, "to=63");
  sender.send({ step: randomStep(run, { sequence: 91, step: 63 }) });
  sender.send({ step: randomStep(run, { sequence: 92, step: 90 }) });
  sender.send({ step: randomStep(run, { sequence: 93, step: 5, split: v1.Split.EVAL }) });
  await sender.untilAcknowledged(93);
  expect(sender.rejections).toHaveLength(1);
  expect(sender.rejections[0]).toMatchObject({ sequence: 91, reason: v1.Rejection.Reason.EXPIRED });
  expect(sender.rejections[0]!.message).toMatch(/step 63.*before 64 are kept in sums alone/);
  expect(await wide(collector, "to=63")).toEqual(before);
  sender.close();
});

test("attempts that fork among steps that are sums alone change where a sum ends; none is counted twice", async () => {
  const collector = await testCollector(KEEP_24_STEPS);
  const viewer = await TestViewer.open(collector, "runs=all");
  (await send(collector, steps(0, 90))).close();
  await untilExpired(viewer, 0, 64);
  const sender = await send(collector, steps(37, 100, 1));
  const shown = async () => {
    const { buckets } = await getHistory(collector, run.id, "points=100&layers=all");
    return buckets.map(({ firstStep, lastStep, steps: count, attempt }) => [firstStep, lastStep, count, attempt]);
  };
  const expected = [
    [0, 31, 32, 0],
    [32, 63, 32, 0],
    [64, 95, 32, 1],
    [96, 99, 4, 1],
  ];
  await untilExpired(viewer, 1, 64);
  expect(await shown()).toEqual(expected);
  const fork = await getHistory(collector, run.id, "points=100&attempt=1");
  expect(fork.buckets[0]).toMatchObject({ firstStep: 37, lastStep: 63, steps: 27 });
  sender.close();
});

test("steps expire by their age too", async () => {
  const collector = await testCollector({ keepSingle: { milliseconds: 3_600_000 }, retentionInterval: 20 });
  const viewer = await TestViewer.open(collector, "runs=all");
  const now = Date.now();
  const aged = steps(0, 90).map((step) => v1.Step.create({ ...step, time: now - (step.step < 70 ? 4_000_000 : 0) }));
  const sender = await send(collector, aged);
  await untilExpired(viewer, 0, 64);
  sender.close();
});

test("a deleted run can be reported again from its first step", async () => {
  const collector = await testCollector(KEEP_24_STEPS);
  (await send(collector, steps(0, 90))).close();
  await untilExpired(await TestViewer.open(collector, "runs=all"), 0, 64);
  while ((await remove(collector)) === 409);
  const sender = await send(collector, steps(0, 20));
  expect(sender.rejections).toEqual([]);
  expect((await getHistory(collector, run.id, "layers=all")).buckets).toHaveLength(20);
  sender.close();
});

async function remove(collector: Address): Promise<number> {
  return (await fetch(`http://${collector.httpAddress}/api/v1/runs/${run.id}`, { method: "DELETE" })).status;
}

/** Messages of the run that have histograms. */
async function histogramsInStore(collector: Address): Promise<number> {
  const answer = await get(collector, `/api/v1/runs/${run.id}/messages`);
  const reader = protobuf.Reader.create(new Uint8Array(await answer.arrayBuffer()));
  let messages = 0;
  while (reader.pos < reader.len) {
    if (v1.ReportRequest.decodeDelimited(reader).step?.histograms.length) messages++;
  }
  return messages;
}
