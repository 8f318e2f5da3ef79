// A trainer killed again and again, and its collector with it: nothing that was taken is lost, every start is an attempt of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v1 } from "@moescope/proto";
import type { ReporterStatistics } from "@moescope/trainer";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type CollectorProcess, startCollectorProcess } from "./collector-process.ts";
import { expectStored, readSummary, type SentRange, sentRun, sentStep } from "./sent-steps.ts";

const run = sentRun("killed-trainer");
/** Steps between two checkpoints: where a killed attempt goes on. */
const CHECKPOINT = 25;

let directory: string;
let collector: CollectorProcess;
let port: number;
const children = new Set<ChildProcess>();
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "moescope-trainer-killed-"));
  collector = await startCollectorProcess(join(directory, "data"));
  port = Number(collector.grpc.slice(collector.grpc.lastIndexOf(":") + 1));
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await collector.kill();
  rmSync(directory, { recursive: true });
});

/** A process that trains, as far as its reporter can tell: it reports the steps it is told to. */
class TrainerProcess {
  readonly attempt: number;
  readonly firstStep: number;
  statistics: ReporterStatistics = { ...({} as ReporterStatistics), messages: 0, acknowledged: 0 };
  #next: number;
  readonly #child: ChildProcess;

  constructor(attempt: number, firstStep: number) {
    this.attempt = attempt;
    this.firstStep = firstStep;
    this.#next = firstStep;
    const options = { address: collector.grpc, run, attempt, spoolDirectory: join(directory, "spool") };
    const script = `
      import { CollectorReporter } from "@moescope/trainer";
      const options = ${JSON.stringify({ ...options, flushMilliseconds: 30_000 })};
      const reporter = new CollectorReporter({ ...options, notice: () => {} });
      process.on("message", async ({ step, outcome }) => {
        if (step !== undefined) reporter.step(step);
        // A step of training takes its time.
        await new Promise((resolve) => setTimeout(resolve, 3));
        const statistics = outcome === undefined ? reporter.statistics() : await reporter.end(outcome);
        process.send({ statistics, ended: outcome !== undefined });
        if (outcome !== undefined) process.disconnect();
      });
    `;
    this.#child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      cwd: import.meta.dirname,
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      serialization: "advanced",
    });
    children.add(this.#child);
    this.#child.on("message", ({ statistics }: { statistics: ReporterStatistics }) => {
      this.statistics = statistics;
    });
  }

  /** Reports steps until the reporter's counts are as wanted. */
  async trainUntil(enough: (statistics: ReporterStatistics) => boolean): Promise<void> {
    while (!enough(this.statistics)) {
      this.#child.send({ step: sentStep(this.#next++, this.attempt) });
      await once(this.#child, "message");
    }
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }

  async finish(): Promise<SentRange> {
    this.#child.send({ outcome: v1.RunEnd.Outcome.FINISHED });
    await once(this.#child, "exit");
    expect(this.statistics).toMatchObject({ state: "closed", queued: 0, rejected: 0, dropped: 0 });
    return { attempt: this.attempt, from: this.firstStep, before: this.#next };
  }
}

test("what a killed trainer had taken is sent by the next, also when the collector dies with it", async () => {
  const firstSteps: number[] = [];
  const taken: number[] = [];
  const random = (below: number) => Math.floor(Math.random() * below);
  let trainer = new TrainerProcess(0, 0);
  for (let kill = 0; kill < 8; kill++) {
    const enough = 40 + random(60);
    // Sometimes the collector is long gone when the trainer dies, sometimes it dies in the same moment, sometimes it lives on.
    const collectorDies = kill % 3 !== 0;
    if (kill % 3 === 1) {
      await trainer.trainUntil(({ acknowledged }) => acknowledged >= enough / 2);
      await collector.kill();
    }
    await trainer.trainUntil(({ messages }) => messages >= enough);
    await Promise.all([trainer.kill(), collectorDies ? collector.kill() : undefined]);
    if (collectorDies) collector = await startCollectorProcess(join(directory, "data"), port);
    firstSteps.push(trainer.firstStep);
    taken.push(trainer.statistics.messages);
    const reached = trainer.firstStep + trainer.statistics.messages - 1;
    // One attempt goes back behind the one before it.
    const goBack = kill === 4 ? 2 * CHECKPOINT : 0;
    trainer = new TrainerProcess(kill + 1, Math.floor(reached / CHECKPOINT) * CHECKPOINT - goBack);
  }
  await trainer.trainUntil(({ acknowledged }) => acknowledged >= 60);
  await vi.waitUntil(() => readdirSync(join(directory, "spool")).length === 1, { interval: 5, timeout: 60_000 });
  const last = await trainer.finish();
  expect(readdirSync(join(directory, "spool"))).toEqual([]);

  const { attempts, state, steps } = await readSummary(collector.http, run.id);
  expect(attempts.map(({ attempt, firstStep }) => [attempt, firstStep])).toEqual(
    [...firstSteps, last.from].map((firstStep, attempt) => [attempt, firstStep]),
  );
  const ranges = attempts.map(({ attempt, firstStep, lastStep }) => ({
    attempt,
    from: firstStep,
    before: lastStep + 1,
  }));
  expect(ranges.at(-1)).toEqual(last);
  for (const [attempt, range] of ranges.entries()) {
    // Every step that it had taken, and perhaps one that was on its way to the spool.
    expect(range.before - range.from).toBeGreaterThanOrEqual(taken[attempt] ?? 0);
    expect(attempts[attempt]!.steps).toBe(range.before - range.from);
    await expectStored(collector.http, run.id, [range], attempt);
  }
  await expectStored(collector.http, run.id, shownOf(ranges));
  expect(steps).toBe(ranges.reduce((sum, { from, before }) => sum + before - from, 0));

  expect(attempts.map(({ parent }) => parent)).toEqual(ranges.map((range) => parentOf(range, ranges)));
  expect(attempts.map(({ outcome }) => outcome)).toEqual([...taken.map(() => 0), v1.RunEnd.Outcome.FINISHED]);
  expect(state).toBe(v1.RunSummary.State.FINISHED);
});

/** An attempt is shown up to where the first later one began. */
function shownOf(ranges: SentRange[]): SentRange[] {
  return ranges
    .map(({ attempt, from, before }) => {
      const laterBegins = Math.min(...ranges.slice(attempt + 1).map((later) => later.from));
      return { attempt, from, before: Math.min(before, laterBegins) };
    })
    .filter(({ from, before }) => from < before);
}

function parentOf({ attempt, from }: SentRange, ranges: SentRange[]): number | null {
  return ranges.findLast((other) => other.attempt < attempt && other.from < from)?.attempt ?? null;
}
