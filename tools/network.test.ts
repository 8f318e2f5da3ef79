// A network that cuts, stalls and slows: a reporter on one side, a collector on the other, and every step is stored once.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v1 } from "@moescope/proto";
import { CollectorReporter, type CollectorReporterOptions } from "@moescope/trainer";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type CollectorProcess, startCollectorProcess } from "./collector-process.ts";
import { expectStored, sentRun, sentStep } from "./sent-steps.ts";
import { UnsteadyNetwork } from "./unsteady-network.ts";

const SEED = Number(process.env.MOESCOPE_SEED ?? Date.now() % 1_000_000);
const patience = { interval: 2, timeout: 60_000 };

let directory: string;
let collector: CollectorProcess;
let network: UnsteadyNetwork;
let notices: string[];
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "moescope-network-"));
  collector = await startCollectorProcess(join(directory, "data"));
});
afterAll(async () => {
  await collector.kill();
  rmSync(directory, { recursive: true });
});
beforeEach(async () => {
  network = await UnsteadyNetwork.before(collector.grpc);
  notices = [];
});
afterEach(() => network.close());

function reporterOf(run: string, options: Partial<CollectorReporterOptions> = {}): CollectorReporter {
  const notice = (line: string) => notices.push(line);
  const where = { address: network.address, spoolDirectory: join(directory, run), notice };
  return new CollectorReporter({ ...where, run: sentRun(run), flushMilliseconds: 30_000, ...options });
}

function report(reporter: CollectorReporter, from: number, before: number): void {
  for (let index = from; index < before; index++) reporter.step(sentStep(index));
}

async function acknowledged(reporter: CollectorReporter, messages: number): Promise<void> {
  await vi.waitUntil(() => reporter.statistics().acknowledged >= messages, patience);
}

async function expectAllStored(reporter: CollectorReporter, run: string, steps: number): Promise<void> {
  const statistics = await reporter.end(v1.RunEnd.Outcome.FINISHED);
  expect(statistics).toMatchObject({ acknowledged: steps + 1, queued: 0, rejected: 0, dropped: 0 });
  await expectStored(collector.http, run, [{ attempt: 0, from: 0, before: steps }]);
  expect(readdirSync(join(directory, run))).toEqual([]);
}

test(`cut anywhere, in the middle of messages and of frames: nothing is lost, nothing twice (seed ${SEED})`, async () => {
  let state = SEED;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  for (let cut = 0; cut < 20; cut++) {
    network.cuts.push({ afterBytes: Math.floor(random() ** 3 * 30_000), how: cut % 2 === 0 ? "reset" : "close" });
  }
  const reporter = reporterOf("cut");
  report(reporter, 0, 1500);
  await acknowledged(reporter, 100);
  report(reporter, 1500, 3000);
  await expectAllStored(reporter, "cut", 3000);
  expect(network.cuts).toEqual([]);
  expect(network.connections).toBeGreaterThan(20);
});

test("a connection that stalls without a word is given up, and steps are taken all the while", async () => {
  const reporter = reporterOf("stalled", { vanishedAfterMilliseconds: 600 });
  report(reporter, 0, 100);
  await acknowledged(reporter, 50);
  network.stallOpen();
  const before = reporter.statistics().acknowledged;
  report(reporter, 100, 2000);
  await vi.waitUntil(() => reporter.statistics().messages === 2000, patience);
  // All are in the spool, while next to nothing gets through.
  expect(reporter.statistics().acknowledged).toBeLessThanOrEqual(before + 100);
  await acknowledged(reporter, 2000);
  expect(network.connections).toBeGreaterThan(1);
  expect(notices.slice(0, 2)).toEqual([expect.stringMatching(/is away/), expect.stringMatching(/is back/)]);
  await expectAllStored(reporter, "stalled", 2000);
});

test("a collector that accepts the connection and then says nothing is tried again", async () => {
  network.stallsNew = true;
  const reporter = reporterOf("mute", { vanishedAfterMilliseconds: 300 });
  report(reporter, 0, 50);
  await vi.waitUntil(() => network.connections >= 3, patience);
  network.stallsNew = false;
  await expectAllStored(reporter, "mute", 50);
});

test("5 kB a second: steps wait in the spool, and all arrive", async () => {
  network.bytesPerSecond = 5_000;
  const reporter = reporterOf("slow");
  report(reporter, 0, 2000);
  await vi.waitUntil(() => reporter.statistics().messages === 2000, patience);
  await acknowledged(reporter, 20);
  expect(reporter.statistics().acknowledged).toBeLessThan(1000);
  network.bytesPerSecond = Number.POSITIVE_INFINITY;
  await expectAllStored(reporter, "slow", 2000);
});

test("a message that the collector is too small for is left out, said once and counted, and all after it are stored", async () => {
  const small = await startCollectorProcess(join(directory, "small"), 0, { limits: { messageBytes: 2_000 } });
  try {
    const reporter = reporterOf("large", { address: small.grpc, flushMilliseconds: 30_000 });
    report(reporter, 0, 10);
    const large = Array.from({ length: 3_000 }, (_, index) => ({ name: `loss/${index}`, value: index }));
    reporter.step({ ...sentStep(10), scalars: large });
    report(reporter, 11, 20);
    const statistics = await reporter.end(v1.RunEnd.Outcome.FINISHED);
    expect(statistics).toMatchObject({ acknowledged: 21, queued: 0, rejected: 1, dropped: 0 });
    expect(notices).toEqual([
      expect.stringMatching(/rejects message 11: it has \d+ bytes, and the collector takes 2000;/),
    ]);
    await expectStored(small.http, "large", [
      { attempt: 0, from: 0, before: 10 },
      { attempt: 0, from: 11, before: 20 },
    ]);
  } finally {
    await small.kill();
  }
});
