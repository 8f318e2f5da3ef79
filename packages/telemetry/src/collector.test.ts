import { once } from "node:events";
import { connect, createServer } from "node:net";
import { status } from "@grpc/grpc-js";
import { maxViolation, sumHistograms } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { describe, expect, onTestFinished, test } from "vitest";
import { startCollector } from "./index.ts";
import { getHistory, getSummary, TEST_OPTIONS, temporaryDirectory, testCollector } from "./testing/collector.ts";
import { describedRun, randomStep } from "./testing/runs.ts";
import { TestSender } from "./testing/sender.ts";
import { TestViewer } from "./testing/viewer.ts";

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

test("ranks that arrive after a restart are added to those before it", async () => {
  const run = describedRun("ranks", { ranks: 2 });
  const first = await testCollector();
  const early = await TestSender.connect(first.grpcAddress, run, 1);
  early.send({ step: randomStep(run, { sequence: 1, rank: 1 }) });
  await early.untilAcknowledged(1);
  early.close();
  await first.stop();

  const second = await testCollector({ dataDirectory: first.dataDirectory });
  const late = await TestSender.connect(second.grpcAddress, run, 0);
  late.send({ step: randomStep(run, { sequence: 1, rank: 0 }) });
  await late.untilAcknowledged(1);
  const messages = [0, 1].map((rank) => randomStep(run, { sequence: 1, rank }));
  const load = sumHistograms(messages.flatMap((m) => m.histograms[0]!.categories.map((category) => category.counts)));
  const { buckets } = await getHistory(second, run.id, "layers=1");
  expect(buckets[0]!.layers[0]!.countsMax).toEqual([...load]);
  expect(buckets[0]!.layers[0]!.maxViolation).toMatchObject({ values: 1, last: maxViolation(load) });
  expect((await getSummary(second, run.id)).steps).toBe(1);
  late.close();
});

describe("stopping", () => {
  test("stores and acknowledges what was received, and takes less than 3 seconds with viewers attached", async () => {
    const collector = await testCollector({ flushInterval: 10_000 });
    const run = describedRun("stopped");
    const sender = await TestSender.connect(collector.grpcAddress, run);
    const reading = await TestViewer.open(collector);
    await TestViewer.open(collector); // never reads
    sender.send({ step: randomStep(run, { sequence: 1 }) });
    // A rejection out of sequence is answered at once: the step before it has been received by then.
    sender.send({ step: randomStep(run, { sequence: 9 }) });
    await sender.untilRejected();
    expect(sender.acknowledged).toBe(0);
    const before = Date.now();
    await collector.stop();
    expect(Date.now() - before).toBeLessThan(3_000);
    expect(sender.acknowledged).toBe(1);
    expect((await sender.status).code).toBe(status.UNAVAILABLE);
    const step = await reading.find((event) => event.step);
    expect(step.firstStep).toBe(0);
    await reading.find((event) => event.stopping);
    expect(await reading.next()).toBeUndefined();
    const again = await testCollector({ dataDirectory: collector.dataDirectory });
    expect((await getSummary(again, run.id)).steps).toBe(1);
  });

  test.each(["grpcAddress", "httpAddress"] as const)("cuts a connection to %s that says nothing", async (address) => {
    const collector = await testCollector();
    const socket = connect(Number(collector[address].split(":")[1]), "127.0.0.1")
      .on("error", () => {})
      .resume();
    await once(socket, "connect");
    const closed = once(socket, "close");
    const before = Date.now();
    await collector.stop();
    await closed;
    expect(Date.now() - before).toBeLessThan(3_000);
  });

  test("twice is the same as once", async () => {
    const collector = await testCollector();
    await Promise.all([collector.stop(), collector.stop()]);
    await collector.stop();
  });
});

describe("a port that is taken", () => {
  async function takenPort(): Promise<number> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    return (server.address() as { port: number }).port;
  }

  test.each(["http", "grpc"] as const)("is named (%s), and nothing is left running", async (side) => {
    const dataDirectory = temporaryDirectory();
    const port = await takenPort();
    const taken = startCollector({ ...TEST_OPTIONS, dataDirectory, [side]: { port } });
    await expect(taken).rejects.toThrow(new RegExp(`port ${port} is taken: ${side}`, "i"));
    await testCollector({ dataDirectory });
  });

  test.each(["http", "grpc"] as const)("gives way to the next free one where that is allowed (%s)", async (side) => {
    const port = await takenPort();
    const collector = await testCollector({ [side]: { port }, portFallback: true });
    const used = Number((side === "http" ? collector.httpAddress : collector.grpcAddress).split(":")[1]);
    expect(used).toBeGreaterThan(port);
    expect(collector.notices).toEqual([
      expect.stringMatching(new RegExp(`^port ${port} is taken; ${side} listens on ${used}$`, "i")),
    ]);
  });
});

test.each([
  [{ http: { host: "0.0.0.0" } }, /host "0\.0\.0\.0" can be reached from other machines: add a token.*or TLS/],
  [{ grpc: { host: "::" } }, /host "::" can be reached from other machines/],
  [{ tokens: [{ token: "short" }] }, /a token must have 16 to 512/],
  [{ grpc: { port: 70_000 } }, /grpc\.port/],
  [{ flushIntervall: 1 }, /flushIntervall/],
  [{ clickhouseUrl: "ftp://x" }, /clickhouseUrl/],
])("a wrong configuration is refused: %o", async (options, message) => {
  await expect(startCollector(options as object)).rejects.toThrow(message);
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
