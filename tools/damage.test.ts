// A network that flips bits: what a collector acknowledges is what was sent, whichever bit it was.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v1 } from "@moescope/proto";
import { CollectorReporter } from "@moescope/trainer";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type CollectorProcess, startCollectorProcess } from "./collector-process.ts";
import { expectStored, sentRun, sentStep } from "./sent-steps.ts";
import { UnsteadyNetwork } from "./unsteady-network.ts";

const SEED = Number(process.env.MOESCOPE_SEED ?? Date.now() % 1_000_000);
const FLIPS = Number(process.env.MOESCOPE_FLIPS ?? 3_000);
const patience = { interval: 5, timeout: 110_000 };
const command = join(import.meta.dirname, "../packages/cli/bin/moescope.js");

let directory: string;
let collector: CollectorProcess;
let network: UnsteadyNetwork;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "moescope-damage-"));
  collector = await startCollectorProcess(join(directory, "data"));
});
afterAll(async () => {
  await collector.kill();
  rmSync(directory, { recursive: true });
});
beforeEach(async () => {
  network = await UnsteadyNetwork.before(collector.grpc);
  let state = SEED;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  for (const damage of Object.values(network.damage)) damage.random = random;
});
afterEach(() => network.close());

/** @param bytes between two flips, on average */
function damage(bytes: { requests: number; answers: number }): void {
  network.damage.requests.every = bytes.requests;
  network.damage.answers.every = bytes.answers;
}

/** Damaged no more. What waits for the rest of a message whose length was damaged is let go. */
function heal(): void {
  damage({ requests: Number.POSITIVE_INFINITY, answers: Number.POSITIVE_INFINITY });
  network.cutOpen();
}

const flips = () => network.damage.requests.flips + network.damage.answers.flips;

async function damagedMessages(): Promise<number> {
  const text = await (await fetch(`http://${collector.http}/metrics`)).text();
  return Number(/^moescope_messages_damaged_total (\d+)$/m.exec(text)![1]);
}

test(`reporters: every step is stored once, as it was sent, after ${FLIPS} flips (seed ${SEED})`, async () => {
  damage({ requests: 3_000, answers: 500 });
  const reporters = Array.from({ length: 16 }, (_, index) => {
    const where = { address: network.address, spoolDirectory: join(directory, "spool") };
    const patient = { vanishedAfterMilliseconds: 1_000, flushMilliseconds: 60_000 };
    const notice = () => {};
    return new CollectorReporter({ ...where, ...patient, run: sentRun(`damaged-${index}`), notice });
  });
  let steps = 0;
  while (flips() < FLIPS) {
    for (const reporter of reporters) reporter.step(sentStep(steps));
    steps++;
    // No more than a few dozen wait: the tests compares each.
    await vi.waitUntil(
      () => flips() >= FLIPS || reporters.some((reporter) => reporter.statistics().queued < 40),
      patience,
    );
  }
  heal();
  const ended = await Promise.all(reporters.map((reporter) => reporter.end(v1.RunEnd.Outcome.FINISHED)));
  for (const [index, statistics] of ended.entries()) {
    expect(statistics).toMatchObject({ acknowledged: steps + 1, queued: 0, rejected: 0, dropped: 0 });
    await expectStored(collector.http, `damaged-${index}`, [{ attempt: 0, from: 0, before: steps }]);
  }
  expect(await damagedMessages()).toBeGreaterThan(0);
});

test(`a restore: the run is as it was (seed ${SEED})`, async () => {
  const [run, steps] = ["restored", 400];
  const reporter = new CollectorReporter({
    ...{ address: collector.grpc, spoolDirectory: join(directory, "whole"), flushMilliseconds: 60_000 },
    ...{ run: sentRun(run), notice: () => {} },
  });
  for (let index = 0; index < steps; index++) reporter.step(sentStep(index));
  await reporter.end(v1.RunEnd.Outcome.FINISHED);
  const file = join(directory, "backup");
  await moescope("backup", run, "--url", `http://${collector.http}`, "--out", file);
  await moescope("delete", run, "--url", `http://${collector.http}`);

  damage({ requests: 20_000, answers: 3_000 });
  await moescope("restore", file, "--collector", network.address);
  expect(flips()).toBeGreaterThan(5);
  await expectStored(collector.http, run, [{ attempt: 0, from: 0, before: steps }]);
});

async function moescope(...args: string[]): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, [command, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`moescope ${args.join(" ")} ended with ${code}`);
}
