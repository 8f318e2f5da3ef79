import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { getPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { v1 } from "@moescope/proto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CollectorFixture } from "./collector.fixture.ts";
import { CollectorReporter, type CollectorReporterOptions } from "./collector-reporter.ts";
import type { StepReport } from "./reporter.ts";

const key = "run-a/0/0";
let directory: string;
let collector: CollectorFixture;
let notices: string[];
let reporters: CollectorReporter[];
let processes: ChildProcess[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "moescope-reporter-"));
  collector = await new CollectorFixture().start();
  notices = [];
  reporters = [];
  processes = [];
});
afterEach(async () => {
  await Promise.all(reporters.map((reporter) => finish(reporter)));
  collector.stop();
  for (const child of processes) child.kill("SIGKILL");
  rmSync(directory, { recursive: true });
});

function report(options: Partial<CollectorReporterOptions> = {}): CollectorReporter {
  const notice = (line: string) => {
    notices.push(line);
    collector.changed();
  };
  const run = { id: "run-a", experts: 4, categories: ["code"] };
  const common = { address: collector.address, run, spoolDirectory: directory, notice, flushMilliseconds: 2000 };
  const reporter = new CollectorReporter({ ...common, ...options });
  reporters.push(reporter);
  return reporter;
}

/** Large enough that a few hundred do not fit into the buffers of a connection. */
function step(index: number): StepReport {
  const counts = Array.from({ length: 4096 }, (_, expert) => (index * 31 + expert * 7) % 1000);
  return {
    step: index,
    scalars: [{ name: "loss", value: index / 7 }],
    histograms: [{ layer: 1, categories: [{ counts }] }],
  };
}

function send(reporter: CollectorReporter, from: number, to: number): void {
  for (let index = from; index < to; index++) reporter.step(step(index));
}

/** Exactly these steps, each once, in order, as they were sent, and then the end of the run. */
function expectStored(steps: number, ended = true): void {
  const messages = collector.messages(key);
  expect(messages).toHaveLength(steps + (ended ? 1 : 0));
  for (let index = 0; index < steps; index++) {
    const sent = { ...step(index), run: "run-a", rank: 0, attempt: 0, sequence: index + 1 };
    expect(v1.Step.toObject(messages[index] as v1.Step)).toEqual(
      v1.Step.toObject(v1.Step.decode(v1.Step.encode(sent).finish())),
    );
  }
  if (ended) expect(messages.at(-1)).toMatchObject({ sequence: steps + 1, outcome: v1.RunEnd.Outcome.FINISHED });
  expect(collector.gaps).toEqual([]);
}

/** 19th field of a thread's stat; the second, its name in parentheses, may hold blanks. */
const niceOf = (thread: string) =>
  Number(readFileSync(`/proc/self/task/${thread}/stat`, "utf8").split(") ").at(-1)!.split(" ")[16]);

const finish = (reporter: CollectorReporter) => reporter.end(v1.RunEnd.Outcome.FINISHED);

test("steps and the end of the run arrive in order, and nothing stays on disk", async () => {
  const reporter = report();
  send(reporter, 0, 200);
  const statistics = await finish(reporter);
  expectStored(200);
  expect(collector.streams.get(key)!.hello).toMatchObject({
    protocolVersion: 2,
    checksums: true,
    run: { id: "run-a", experts: 4 },
  });
  expect(statistics).toEqual({
    state: "closed",
    messages: 201,
    sent: 201,
    acknowledged: 201,
    queued: 0,
    spooledBytes: 0,
    rejected: 0,
    dropped: 0,
  });
  expect(collector.duplicates).toBe(0);
  expect(readdirSync(directory)).toEqual([]);
  expect(notices).toEqual([]);
});

test("steps are sent while the training thread is blocked", async () => {
  const reporter = report();
  send(reporter, 0, 1);
  await collector.until(() => collector.messages(key).length === 1);
  send(reporter, 1, 20);
  // The collector of this test lives on the blocked thread too: what counts is that everything was written to the connection.
  const from = performance.now();
  while (reporter.statistics().sent < 20 && performance.now() - from < 5000);
  const { sent } = reporter.statistics();
  expect(sent).toBe(20);
  await finish(reporter);
  expectStored(20);
});

test.runIf(process.platform === "linux")("the reporting thread alone waits for others", async () => {
  const reporter = report();
  send(reporter, 0, 1);
  await collector.until(() => collector.messages(key).length === 1);
  const lowered = readdirSync("/proc/self/task").filter((thread) => niceOf(thread) > getPriority());
  expect(lowered).toHaveLength(1);
  await finish(reporter);
});

test("a collector that is not there yet gets everything when it comes", async () => {
  collector.stop();
  const reporter = report();
  send(reporter, 0, 300);
  await collector.until(() => notices.length > 0);
  expect(notices).toEqual([
    expect.stringMatching(/The collector at 127\.0\.0\.1:\d+ is away \(.+\); steps wait until it is back/),
  ]);
  await collector.start();
  await collector.until(() => collector.messages(key).length === 300);
  await finish(reporter);
  expectStored(300);
  expect(notices[1]).toMatch(/is back; 300 messages to send/);
});

test("a collector that dies again and again gets every step once", async () => {
  const reporter = report();
  for (let round = 0; round < 6; round++) {
    send(reporter, round * 100, (round + 1) * 100);
    // In mid-run: some are stored, some on their way, some not yet sent.
    await collector.until(() => collector.messages(key).length > round * 100 + 10);
    collector.stop();
    await collector.start();
  }
  await finish(reporter);
  expectStored(600);
  expect(collector.connections.length).toBeGreaterThan(5);
});

test("what was not acknowledged is sent again, and known again by its number", async () => {
  collector.acknowledges = false;
  const reporter = report();
  send(reporter, 0, 50);
  await collector.until(() => collector.messages(key).length === 50);
  expect(reporter.statistics().acknowledged).toBe(0);
  // It forgets the last ten: they were never acknowledged.
  collector.streams.get(key)!.messages.length = 40;
  collector.acknowledges = true;
  collector.stop();
  await collector.start();
  await finish(reporter);
  expectStored(50);
});

test("late acknowledgements release the spool", async () => {
  collector.acknowledges = false;
  const reporter = report();
  send(reporter, 0, 50);
  await collector.until(() => collector.messages(key).length === 50);
  expect(reporter.statistics().spooledBytes).toBeGreaterThan(50 * 4096);
  const ended = finish(reporter);
  await collector.until(() => collector.messages(key).length === 51);
  collector.acknowledgeAll();
  expect(await ended).toMatchObject({ acknowledged: 51, queued: 0, spooledBytes: 0 });
});

test("a collector that stops reading holds up nothing: steps lie in the spool, memory stays small", async () => {
  collector.reads = false;
  const limits = { fileBytes: 2 ** 20, memoryBytes: 2 ** 20, diskBytes: 2 ** 30 };
  const reporter = report({ limits, flushMilliseconds: 200 });
  send(reporter, 0, 2000);
  const statistics = await finish(reporter);
  expect(statistics).toMatchObject({
    messages: 2001,
    dropped: 0,
    acknowledged: 0,
    spool: expect.stringContaining(directory),
  });
  expect(statistics.spooledBytes).toBeGreaterThan(8e6);
  // Not everything was pushed into the connection.
  expect(statistics.sent).toBeLessThan(500);
  collector.reads = true;
  collector.stop();
  await collector.start();
  report({ run: { id: "run-b" } });
  await collector.until(() => collector.messages(key).length === 2001);
  expectStored(2000);
});

test("rejections are counted, shown once and not sent again", async () => {
  collector.reject = new Set([3, 5]);
  const reporter = report();
  send(reporter, 0, 10);
  const statistics = await finish(reporter);
  expect(statistics).toMatchObject({
    rejected: 2,
    acknowledged: 11,
    sent: 11,
    firstRejection: "message 3 does not add up",
  });
  expect(notices).toEqual([expect.stringMatching(/rejects message 3: message 3 does not add up; later rejections/)]);
});

describe("a message that the collector has no room for", () => {
  const messageBytes = 20_000;
  beforeEach(async () => {
    collector.stop();
    Object.assign(collector, { messageBytes });
    await collector.start();
  });

  /** @param large whether the collector takes no such message */
  function sized(index: number, large: boolean): StepReport {
    return large
      ? { ...step(index), scalars: Array.from({ length: 2_000 }, () => ({ name: "loss", value: 0.5 })) }
      : step(index);
  }
  const storedSteps = () => collector.messages(key).flatMap((message) => ("step" in message ? [message.step] : []));

  test.each([...Array(5).keys()])(
    "is left out, said once and counted; all others are stored, whatever is cut (%d)",
    async (seed) => {
      let state = seed + 1;
      const random = () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state / 2 ** 32;
      };
      const large = Array.from({ length: 120 }, () => random() < 0.3);
      const reporter = report({ flushMilliseconds: 20_000 });
      for (let cut = 0; cut < 3; cut++) {
        for (let index = cut * 40; index < (cut + 1) * 40; index++) reporter.step(sized(index, large[index]!));
        const enough = cut * 20 + Math.floor(random() * 20);
        await collector.until(() => collector.messages(key).length >= enough);
        collector.stop();
        await collector.start();
      }
      const statistics = await finish(reporter);
      expect(storedSteps()).toEqual([...large.keys()].filter((index) => !large[index]));
      const rejected = large.filter(Boolean).length;
      expect(statistics).toMatchObject({ acknowledged: 121, queued: 0, rejected, dropped: 0, state: "closed" });
      expect(statistics.firstRejection).toMatch(/^it has \d{5} bytes, and the collector takes 20000$/);
      const first = large.indexOf(true) + 1;
      expect(notices.filter((line) => /rejects/.test(line))).toEqual([
        expect.stringMatching(new RegExp(`rejects message ${first}: it has .*; later rejections are only counted`)),
      ]);
      expect(notices.filter((line) => /no longer has/.test(line))).toEqual([]);
      expect({ gaps: collector.gaps, files: readdirSync(directory) }).toEqual({ gaps: [], files: [] });
    },
  );

  test("a description is refused: no message can be sent before it", async () => {
    const run = { id: "run-a", configJson: "x".repeat(messageBytes) };
    const reporter = report({ run });
    send(reporter, 0, 3);
    await collector.until(() => notices.length > 0);
    expect(notices).toEqual([
      expect.stringMatching(/refuses this run: its description has 20\d{3} bytes, and the collector takes 20000\. /),
    ]);
    expect(collector.connections).toEqual([]);
    expect(await finish(reporter)).toMatchObject({ acknowledged: 0, queued: 4, rejected: 0, dropped: 0 });
  });

  test("of a collector that does not say how much it takes: it is not tried for ever, and stays in the spool with all after it", async () => {
    collector.saysMessageBytes = false;
    const reporter = report();
    send(reporter, 0, 3);
    await collector.until(() => collector.messages(key).length === 3);
    reporter.step(sized(3, true));
    send(reporter, 4, 6);
    await collector.until(() => notices.some((line) => /refuses/.test(line)));
    expect(notices.at(-1)).toMatch(/refuses this run: .+\. 3 messages stay in/);
    expect(collector.connections).toHaveLength(8);
    expect(await finish(reporter)).toMatchObject({ acknowledged: 3, queued: 4, rejected: 0, dropped: 0 });
    collector.stop();
    collector.messageBytes = 2 ** 20;
    await collector.start();
    report({ run: { id: "run-b" } });
    await collector.until(() => collector.messages(key).length === 7);
    expect(storedSteps()).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

test("a collector that is busy is tried again, whatever it calls that", async () => {
  collector.refusal = { code: status.RESOURCE_EXHAUSTED, details: "Received message larger than max (2 vs 1)" };
  const reporter = report();
  send(reporter, 0, 5);
  await collector.until(() => collector.connections.length === 5);
  expect(notices).toEqual([expect.stringMatching(/is away \(Received message larger/)]);
  collector.refusal = undefined;
  await finish(reporter);
  expectStored(5);
});

describe("a collector that refuses", () => {
  test("another version: said once, not tried again, training goes on, steps stay in the spool", async () => {
    collector.refusal = { code: status.FAILED_PRECONDITION, details: "collector speaks version 2, sender version 1" };
    const reporter = report();
    send(reporter, 0, 5);
    await collector.until(() => notices.length > 0);
    await vi.waitUntil(() => reporter.statistics().state === "refused", { interval: 1 });
    send(reporter, 5, 10);
    const statistics = await finish(reporter);
    expect(statistics).toMatchObject({
      messages: 11,
      acknowledged: 0,
      dropped: 0,
      spool: expect.stringContaining(directory),
    });
    expect(collector.connections).toHaveLength(1);
    expect(notices).toEqual([
      expect.stringMatching(/refuses this run: collector speaks version 2, sender version 1\. \d+ messages stay in/),
    ]);
    // A newer collector takes them.
    collector.refusal = undefined;
    const next = report({ run: { id: "run-b" } });
    await collector.until(() => collector.messages(key).length === 11);
    await finish(next);
    expectStored(10);
  });

  test("messages of another process under the same run, rank and attempt: nothing is taken for stored that is not", async () => {
    collector.claims = 4;
    const reporter = report();
    send(reporter, 0, 10);
    await collector.until(() => notices.length > 0);
    expect(notices[0]).toMatch(
      /already holds 4 messages of this run, rank and attempt.*start the run as a new attempt/,
    );
    const statistics = await finish(reporter);
    expect(statistics.spool).toMatch(/~refused$/);
    expect(collector.messages(key)).toHaveLength(0);
  });
});

describe("end", () => {
  test("gives up at its deadline, says where the rest lies, and the next reporter sends it", async () => {
    collector.stop();
    const reporter = report({ flushMilliseconds: 50 });
    send(reporter, 0, 10);
    const statistics = await finish(reporter);
    expect(statistics).toMatchObject({
      messages: 11,
      queued: 11,
      spool: expect.stringMatching(/run-a\.0\.0-\w+~free$/),
    });
    await collector.start();
    const next = report({ run: { id: "run-b" } });
    await collector.until(() => collector.messages(key).length === 11);
    await finish(next);
    expectStored(10);
    expect(readdirSync(directory)).toEqual([]);
  });

  test("a second call waits for the first, and later steps are dropped and counted", async () => {
    const reporter = report();
    send(reporter, 0, 3);
    const [first, second] = await Promise.all([finish(reporter), finish(reporter)]);
    expect(second).toBe(first);
    reporter.step(step(3));
    expect(reporter.statistics().dropped).toBe(1);
    expectStored(3);
  });
});

test("what a killed trainer left is sent by the next, and two living trainers keep to their own", async () => {
  collector.stop();
  const trainer = spawn(process.execPath, ["--input-type=module", "-e", killedTrainer(directory)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  processes.push(trainer);
  await once(trainer.stdout, "data");
  await collector.start();
  const next = report({ run: { id: "run-b" } });
  next.step(step(0));
  await collector.until(() => collector.messages("run-b/0/0").length === 1);
  await finish(next);
  trainer.kill("SIGKILL");
  await once(trainer, "exit");
  const last = report({ run: { id: "run-c" } });
  await collector.until(() => collector.messages(key).length >= 20);
  await finish(last);
  expectStored(20, false);
  expect(collector.duplicates).toBe(0);
});

test("a step that cannot be encoded is dropped and counted, and the next is sent", async () => {
  const reporter = report();
  reporter.step({ ...step(0), histograms: [{ categories: [null as unknown as v1.CategoryRouting.$Properties] }] });
  send(reporter, 0, 2);
  expect(await finish(reporter)).toMatchObject({ dropped: 1, acknowledged: 3 });
  expect(notices[0]).toMatch(/could not be encoded/);
  expectStored(2);
});

/** Reports 20 steps to a collector that is never there; says so once they are in the spool; then lives on. */
function killedTrainer(spoolDirectory: string): string {
  const reporterModule = new URL("../../dist/reporting/collector-reporter.js", import.meta.url);
  return `
    import { CollectorReporter } from ${JSON.stringify(reporterModule)};
    const run = { id: "run-a", experts: 4, categories: ["code"] };
    const reporter = new CollectorReporter({
      address: "127.0.0.1:1", run, spoolDirectory: ${JSON.stringify(spoolDirectory)}, notice: () => {},
    });
    const step = ${step};
    for (let index = 0; index < 20; index++) reporter.step(step(index));
    const timer = setInterval(() => reporter.statistics().messages === 20 && console.log("kept"), 5);
  `;
}
