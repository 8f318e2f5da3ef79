// A collector that is killed again and again under a sending reporter: every step is stored, once, as it was sent.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v1 } from "@moescope/proto";
import { CollectorReporter, type StepReport } from "@moescope/trainer";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type CollectorProcess, startCollectorProcess } from "./collector-process.ts";

const kills = 6;
const stepsBetweenKills = 150;
const layers = [1, 3];
const experts = 8;
const run = { id: "killed-collector", moeLayers: layers, experts, topK: 2, categories: ["code", "docs"], ranks: 1 };

let directory: string;
let collector: CollectorProcess | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "moescope-kill-"));
});
afterEach(async () => {
  await collector?.kill();
  rmSync(directory, { recursive: true });
});

/** Counts that are different for every step, layer, category and expert, with sum + dropped = top-k × tokens. */
function step(index: number): StepReport {
  const counts = (layer: number, category: number) =>
    Array.from({ length: experts }, (_, expert) => index * 100 + layer * 30 + category * 10 + expert);
  const routing = (layer: number, category: number) => {
    const assigned = counts(layer, category).reduce((sum, count) => sum + count, 0);
    const tokens = Math.ceil(assigned / 2);
    return { category, counts: counts(layer, category), tokens, dropped: tokens * 2 - assigned };
  };
  return {
    step: index,
    tokens: (index + 1) * 64,
    time: 1_700_000_000_000 + index,
    split: v1.Split.TRAIN,
    scalars: [{ name: "loss", value: 5 / (index + 1) }],
    histograms: layers.map((layer) => ({ layer, categories: [routing(layer, 0), routing(layer, 1)] })),
  };
}

async function readHistory(steps: number): Promise<v1.History> {
  const query = `split=train&points=2000&layers=all&from=0&to=${steps}`;
  const answer = await fetch(`http://${collector!.http}/api/v1/runs/${run.id}/history?${query}`, {
    headers: { Accept: "application/x-protobuf" },
  });
  expect(answer.status).toBe(200);
  return v1.History.decode(new Uint8Array(await answer.arrayBuffer()));
}

function expectStoredOnce(bucket: v1.StepBucket, index: number): void {
  const sent = step(index);
  expect([bucket.firstStep, bucket.lastStep, bucket.steps, bucket.tokens]).toEqual([index, index, 1, sent.tokens]);
  expect(bucket.scalars.map(({ name, values, sum }) => ({ name, values, sum }))).toEqual([
    { name: "loss", values: 1, sum: 5 / (index + 1) },
  ]);
  const stored = bucket.layers.map(({ layer, categories }) => ({
    layer,
    categories: categories!.map(({ category, counts, tokens, dropped }) => ({
      category,
      counts: [...counts!],
      tokens,
      dropped,
    })),
  }));
  expect(stored).toEqual(sent.histograms);
}

test("a collector killed in mid-run holds every step once, as it was sent", { timeout: 60_000 }, async () => {
  const data = join(directory, "data");
  collector = await startCollectorProcess(data);
  const { grpc } = collector;
  const port = Number(grpc.slice(grpc.lastIndexOf(":") + 1));
  const notices: string[] = [];
  const reporter = new CollectorReporter({
    address: grpc,
    run,
    spoolDirectory: join(directory, "spool"),
    flushMilliseconds: 20_000,
    notice: (line) => notices.push(line),
  });

  let sent = 0;
  let unacknowledgedAtKills = 0;
  for (let killed = 0; killed <= kills; killed++) {
    const before = sent;
    for (; sent < before + stepsBetweenKills; sent++) reporter.step(step(sent));
    if (killed === kills) break;
    // Anywhere between the first acknowledgement of this stretch and the last.
    const enough = before + 1 + Math.floor(Math.random() * (stepsBetweenKills - 1));
    await vi.waitUntil(() => reporter.statistics().acknowledged >= enough, { interval: 1, timeout: 20_000 });
    unacknowledgedAtKills += reporter.statistics().queued;
    await collector.kill();
    collector = await startCollectorProcess(data, port);
  }
  const statistics = await reporter.end(v1.RunEnd.Outcome.FINISHED);

  expect(statistics).toMatchObject({ acknowledged: sent + 1, queued: 0, rejected: 0, dropped: 0 });
  // Otherwise the kills did not hit anything.
  expect(unacknowledgedAtKills).toBeGreaterThan(0);
  expect(notices).toContainEqual(expect.stringContaining("is back"));
  const history = await readHistory(sent);
  expect(history.bucketWidth).toBe(1);
  expect(history.buckets).toHaveLength(sent);
  for (const [index, bucket] of history.buckets.entries()) expectStoredOnce(bucket as v1.StepBucket, index);
  expect(readdirSync(join(directory, "spool"))).toEqual([]);
});
