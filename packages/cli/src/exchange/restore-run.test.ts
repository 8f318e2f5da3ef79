// Restoring into a collector in this process: gaps, ranks, attempts, and a restore that breaks off.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, DelimitedDecoder } from "@moescope/dashboard/api";
import { v1 } from "@moescope/proto";
import { type Collector, startCollector } from "@moescope/telemetry";
import { afterAll, beforeAll, expect, it } from "vitest";
import { gathered } from "../testing/gathered.ts";
import { restoreRun } from "./restore-run.ts";
import { RunStream } from "./run-stream.ts";

const dataDirectory = mkdtempSync(join(tmpdir(), "moescope-restore-"));
let collector: Collector;

beforeAll(async () => {
  collector = await startCollector({ dataDirectory, http: { port: 0 }, grpc: { port: 0 }, logLevel: "silent" });
});

afterAll(async () => {
  await collector.stop();
  rmSync(dataDirectory, { recursive: true });
});

const run = new v1.RunDescription({
  ...{ id: "gaps", name: "gaps", moeLayers: [0], experts: 2, topK: 1, categories: ["all"], ranks: 2 },
});

function step(rank: number, attempt: number, step: number): v1.Step.$Properties {
  const categories = [{ category: 0, counts: [step, rank + 1], tokens: step + rank + 1 }];
  return { run: run.id, rank, attempt, step, split: v1.Split.TRAIN, time: 1, histograms: [{ layer: 0, categories }] };
}

/** The numbers that a rank's messages have: those between were rejected. */
const numbers = [1, 2, 5, 6, 9];

async function report(): Promise<void> {
  for (const attempt of [0, 1]) {
    for (const rank of [0, 1]) {
      const stream = new RunStream({ address: collector.grpcAddress, access: {} });
      for (const [index, sequence] of numbers.entries()) {
        await stream.hello({ run }, rank, attempt);
        await stream.send(sequence, { step: step(rank, attempt, index) });
      }
      await stream.settle();
      stream.close();
    }
  }
}

async function storedMessages(): Promise<v1.ReportRequest[]> {
  const decoder = new DelimitedDecoder();
  const chunks = await gathered(await createClient(`http://${collector.httpAddress}`).messages(run.id));
  return chunks.flatMap((chunk) => decoder.push(chunk)).map((bytes) => v1.ReportRequest.decode(bytes));
}

async function* first<Item>(items: readonly Item[], count = items.length): AsyncGenerator<Item> {
  yield* items.slice(0, count);
}

it("gives every message the number it had, and goes on where it broke off", async () => {
  await report();
  const kept = await storedMessages();
  expect(kept).toHaveLength(1 + 4 * numbers.length);
  await createClient(`http://${collector.httpAddress}`).delete(run.id);

  const part = 12;
  const before = await restoreRun({ address: collector.grpcAddress, access: {} }, first(kept, 1 + part));
  expect(before).toEqual({ run: run.id, messages: part, heldBefore: 0 });
  const after = await restoreRun({ address: collector.grpcAddress, access: {} }, first(kept));
  expect(after).toEqual({ run: run.id, messages: 4 * numbers.length, heldBefore: part });
  expect(await storedMessages()).toEqual(kept);
});

it("says what the collector refuses", async () => {
  const wrong = { hello: { run: { ...run, id: "wrong", topK: 3 } } };
  const messages = [wrong, { step: { ...step(0, 0, 1), run: "wrong", sequence: 1 } }] as v1.ReportRequest[];
  await expect(restoreRun({ address: collector.grpcAddress, access: {} }, first(messages))).rejects.toThrow(
    /top_k 3, expected 1 to 2/,
  );
});
