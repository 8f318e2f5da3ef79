import { maxViolation, sumHistograms } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import type { Collector } from "../index.ts";
import { getHistory, testCollector } from "../testing/collector.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { TestSender } from "../testing/sender.ts";
import { TestViewer } from "../testing/viewer.ts";
import { NumberPool } from "./number-memory.ts";

const LARGE = 100_000;

test("arrays of one message lie side by side, and each has its own place", () => {
  const memory = new NumberPool().memory(LARGE);
  const arrays = Array.from({ length: 300 }, (_, index) => {
    if (index % 3 === 0) return memory.uint32s(index);
    return index % 3 === 1 ? memory.float32s(index) : memory.float64s(index);
  });
  for (const [index, array] of arrays.entries()) array.fill(index);
  for (const [index, array] of arrays.entries()) expect(array.every((value) => value === index)).toBe(true);
  expect(new Set(arrays.map(({ buffer }) => buffer)).size).toBeLessThan(8);
});

test("released memory is the next message's, and what was not released is not", () => {
  const pool = new NumberPool();
  const [released, kept] = [pool.memory(LARGE), pool.memory(LARGE)];
  const buffers = [released.uint32s(1000).buffer, kept.uint32s(1000).buffer];
  released.release();
  released.release();
  const later = [pool.memory(LARGE), pool.memory(LARGE)].map((memory) => memory.float64s(1000).buffer);
  expect(later[0]).toBe(buffers[0]);
  expect(buffers).not.toContain(later[1]);
});

test("a small message takes little", () => {
  const memory = new NumberPool().memory(100);
  const used = [memory.uint32s(60), memory.float64s(40)].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  expect(used).toBeLessThan(1000);
});

const counts = ({ histograms }: v1.Step) => histograms.map(({ categories }) => categories.map(({ counts }) => counts));
const stepOf = (run: v1.RunDescription, step: number, rank = 0) => randomStep(run, { sequence: step + 1, rank, step });

async function sendSteps(collector: Collector, run: v1.RunDescription, steps: number, rank = 0): Promise<void> {
  const sender = await TestSender.connect(collector.grpcAddress, run, rank);
  for (let step = 0; step < steps; step++) {
    if (!sender.offer({ step: stepOf(run, step, rank) })) await sender.drained();
  }
  await sender.untilAcknowledged(steps);
  sender.close();
}

test("memory that is used again shows nowhere in the store", async () => {
  const collector = await testCollector({ maxPendingBytes: 400_000 });
  const size = { moeLayers: [1, 3, 4], experts: 512 };
  const [alone, ranks] = [describedRun("alone", size), describedRun("ranks", { ...size, ranks: 2 })];
  // One rank long after the other: what is added up waits in memory.
  await sendSteps(collector, ranks, 60, 0);
  await sendSteps(collector, alone, 60);
  await sendSteps(collector, ranks, 60, 1);
  for (const run of [alone, ranks]) {
    const { buckets } = await getHistory(collector, run.id, "layers=all&points=60");
    for (const bucket of buckets) {
      const sent = Array.from({ length: run.ranks }, (_, rank) => counts(stepOf(run, bucket.firstStep, rank)));
      for (const [index, layer] of bucket.layers.entries()) {
        const categories = layer.categories.map((_, category) =>
          sumHistograms(sent.map((of) => of[index]![category]!)),
        );
        expect(layer.categories.map(({ counts }) => String(counts))).toEqual(categories.map(String));
        // Of the sum over ranks as the collector has it in memory.
        expect(layer.maxViolation.last).toBeCloseTo(maxViolation(sumHistograms(categories)), 10);
      }
    }
  }
});

test("nor at a viewer that reads later, for which full steps are made smaller", async () => {
  const collector = await testCollector({ maxPendingBytes: 400_000, maxViewerBytes: 100_000_000 });
  const run = describedRun("looked-at", { moeLayers: [1, 3, 4], experts: 8192, categories: ["code"] });
  const viewer = await TestViewer.open(collector, "layers=3&newest=all");
  await sendSteps(collector, run, 150);
  let smaller = 0;
  for (let step = 0; step < 150; step++) {
    const { layers } = await viewer.find((event) => event.step);
    expect(String(layers[1]!.categories[0]!.counts)).toBe(String(counts(stepOf(run, step))[1]![0]));
    if (layers[0]!.categories.length === 0) smaller++;
  }
  // What the connection itself holds was sent whole.
  expect(smaller).toBeGreaterThan(20);
});
