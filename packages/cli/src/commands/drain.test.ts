// A collector that is stopped in the middle of a stream, and started again: what was acknowledged is there, the rest comes.
import { once } from "node:events";
import { rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { createClient } from "@moescope/dashboard/api";
import { v1 } from "@moescope/proto";
import { CollectorReporter } from "@moescope/trainer";
import { expect, it, onTestFinished } from "vitest";
import { anyPorts, type Started, start, temporaryDirectory } from "../testing/moescope.ts";

const run = {
  ...{ id: "drained", strategy: "none", moeLayers: [0], experts: 4, topK: 1, categories: ["all"], ranks: 1 },
  startedAt: 1_700_000_000_000,
};
const [ROUNDS, STEPS_BETWEEN] = [2, 200];

it("acknowledges on SIGTERM what it has stored, ends with exit code 0, and the sender goes on without loss", {
  timeout: 180_000,
}, async () => {
  const directory = temporaryDirectory();
  let collect = start(["collect", ...anyPorts], directory);
  const [, http, address] = await collect.until(/Dashboard +(http\S+)\nCollector +(\S+)/);
  const samePorts = ["--http", portOf(http!), "--grpc", portOf(address!)];
  const reporter = reporterTo(address!, directory);

  let step = 0;
  const acknowledged = (count: number) =>
    expect.poll(() => reporter.statistics().acknowledged, { timeout: 20_000 }).toBeGreaterThanOrEqual(count);
  for (let round = 0; round < ROUNDS; round++) {
    // In mid-stream: some steps are stored, some are on their way, and more come while it stops.
    for (const until = step + STEPS_BETWEEN; step < until; step++) reporter.step(stepOf(step));
    await acknowledged(step - STEPS_BETWEEN + 1);
    const stopping = performance.now();
    const ended = collect.signal("SIGTERM");
    for (const until = step + STEPS_BETWEEN; step < until; step++) reporter.step(stepOf(step));
    expect(await ended).toMatchObject({ code: 0 });
    expect(performance.now() - stopping).toBeLessThan(5_000);
    const told = reporter.statistics().acknowledged;

    collect = start(["collect", ...samePorts], directory);
    await collect.until(/Ctrl-C/);
    const { steps } = await createClient(http!).run(run.id);
    expect(steps).toBeGreaterThanOrEqual(told);
  }
  const ended = await reporter.end(v1.RunEnd.Outcome.FINISHED);
  expect(ended).toMatchObject({ acknowledged: step + 1, queued: 0, rejected: 0, dropped: 0 });

  const { buckets } = await createClient(http!).history({ run: run.id, points: 2000, layers: "all" });
  expect(buckets.map(({ firstStep }) => firstStep)).toEqual(Array.from({ length: step }, (_, at) => at));
  const counts = buckets.map(({ layers }) => layers[0]!.categories![0]!.counts);
  expect(counts).toEqual(buckets.map(({ firstStep }) => countsOf(firstStep!)));
  expect((await collect.signal("SIGTERM")).code).toBe(0);
});

it("is not held up by connections that say nothing", async () => {
  const collect = start(["collect", ...anyPorts], temporaryDirectory());
  await connectSilently(collect);
  const stopping = performance.now();
  expect(await collect.signal("SIGTERM")).toMatchObject({ code: 0 });
  expect(performance.now() - stopping).toBeLessThan(5_000);
});

it("stops at once on a second signal", async () => {
  const collect = start(["collect", ...anyPorts], temporaryDirectory());
  // They are given half a second: time for the second signal.
  await connectSilently(collect);
  const ended = collect.signal("SIGTERM");
  await collect.until(/once more stops at once/);
  collect.signal("SIGTERM");
  expect((await ended).code).toBe(130);
});

async function connectSilently(collect: Started): Promise<void> {
  const [, http, grpc] = await collect.until(/Dashboard +(http\S+)\nCollector +(\S+)/);
  for (const address of [http!, grpc!]) {
    const socket = connect(Number(portOf(address)), "127.0.0.1").on("error", () => {});
    onTestFinished(() => void socket.destroy());
    await once(socket, "connect");
  }
}

function reporterTo(address: string, directory: string): CollectorReporter {
  const spoolDirectory = join(directory, "spool");
  const reporter = new CollectorReporter({ address, run, spoolDirectory, flushMilliseconds: 20_000, notice: () => {} });
  onTestFinished(async () => {
    await reporter.end(v1.RunEnd.Outcome.STOPPED);
    rmSync(spoolDirectory, { recursive: true, force: true });
  });
  return reporter;
}

const countsOf = (step: number) => [step, step * 2, 7, 0];

function stepOf(step: number) {
  const counts = countsOf(step);
  const tokens = counts.reduce((sum, count) => sum + count, 0);
  const categories = [{ category: 0, counts, tokens, dropped: 0 }];
  return {
    step,
    tokens,
    time: 1_700_000_000_000 + step,
    split: v1.Split.TRAIN,
    histograms: [{ layer: 0, categories }],
  };
}

function portOf(address: string): string {
  return /:(\d+)$/.exec(address)![1]!;
}
