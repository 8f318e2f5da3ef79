// What reporting a step costs the training thread, with a real collector in a process of its own.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { v1 } from "@moescope/proto";
import { CollectorReporter, type StepReport } from "@moescope/trainer";
import { startCollectorProcess } from "../collector-process.ts";
import { printTable } from "./table.ts";

interface Shape {
  name: string;
  layers: number;
  experts: number;
  categories: number;
}

const shapes: Shape[] = [
  { name: "demo", layers: 6, experts: 16, categories: 3 },
  { name: "OLMoE", layers: 16, experts: 64, categories: 3 },
  { name: "DeepSeek-V3", layers: 58, experts: 256, categories: 3 },
];
const steps = 200;
/** Pause between two steps, far shorter than any real step: the thread that reports works at the same time. */
const pauseMilliseconds = 10;

interface Cost {
  shape: string;
  values: number;
  "message kB": number;
  "median µs": number;
  "p99 µs": number;
  dropped: number;
}

export async function reporterCost(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "moescope-bench-"));
  const collector = await startCollectorProcess(join(directory, "data"));
  try {
    const costs: Cost[] = [];
    for (const shape of shapes) costs.push(await measure(shape, collector.grpc, join(directory, "spool")));
    printTable(Object.keys(costs[0]!), costs.map(Object.values));
  } finally {
    await collector.kill();
    rmSync(directory, { recursive: true });
  }
}

async function measure(shape: Shape, address: string, spoolDirectory: string): Promise<Cost> {
  const { name, layers, experts, categories } = shape;
  const run = {
    id: `bench-${name}`,
    moeLayers: Array.from({ length: layers }, (_, layer) => layer),
    experts,
    topK: 1,
    categories: Array.from({ length: categories }, (_, category) => `category ${category}`),
    ranks: 1,
  };
  const reporter = new CollectorReporter({ address, run, spoolDirectory, notice: console.error });
  const microseconds: number[] = [];
  for (let index = 0; index < steps; index++) {
    const step = randomStep(index, layers, experts, categories);
    const from = performance.now();
    reporter.step(step);
    microseconds.push((performance.now() - from) * 1000);
    await pause(pauseMilliseconds);
  }
  const { dropped } = await reporter.end(v1.RunEnd.Outcome.FINISHED);
  microseconds.sort((a, b) => a - b);
  return {
    shape: `${name}: ${layers} layers × ${experts} experts × ${categories} categories`,
    // Counts, and for each layer bias, gate mass and probability.
    values: layers * experts * (categories + 3),
    "message kB": Math.round(v1.Step.encode(randomStep(0, layers, experts, categories)).finish().length / 100) / 10,
    "median µs": Math.round(microseconds[steps / 2]!),
    "p99 µs": Math.round(microseconds[Math.floor(steps * 0.99)]!),
    dropped,
  };
}

function randomStep(index: number, layers: number, experts: number, categories: number): StepReport {
  const routing = (category: number) => {
    const counts = Array.from({ length: experts }, () => Math.floor(Math.random() * 500));
    return { category, counts, tokens: counts.reduce((sum, count) => sum + count, 0) };
  };
  const fractions = () => Array.from({ length: experts }, () => Math.random());
  return {
    step: index,
    tokens: (index + 1) * 4096,
    time: Date.now(),
    split: v1.Split.TRAIN,
    scalars: [{ name: "loss", value: Math.random() }],
    histograms: Array.from({ length: layers }, (_, layer) => ({
      layer,
      categories: Array.from({ length: categories }, (_, category) => routing(category)),
      selectionBias: fractions(),
      gateMass: fractions(),
      meanProbability: fractions(),
    })),
  };
}
