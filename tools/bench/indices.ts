// What a collector's work depends on: the same messages with small and with large indices. Each is a collector of its own, so that none
// finds another's rows.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LIMITS, v1 } from "@moescope/proto";
import { startCollectorProcess } from "../collector-process.ts";
import { StepSender } from "../journeys/step-sender.ts";
import { processorSeconds } from "./processor.ts";
import { median, printTable } from "./table.ts";

const [MESSAGES, LAYERS, EXPERTS, TOKENS] = [2_000, 4, 16, 64];
const CATEGORIES = ["code", "docs"];

interface Indices {
  step?: (index: number) => number;
  firstLayer?: number;
  ranks?: number;
  /** Categories that are described before those that are sent. */
  categoriesBefore?: number;
}

const VARIANTS: Record<string, Indices> = {
  "small ones": {},
  "milliseconds as steps": { step: (index) => 1_795_000_000_000 + 250 * index },
  "tokens as steps": { step: (index) => 4_194_304 * index },
  "steps up to 2^53 - 1": { step: (index) => 2 ** 53 - MESSAGES + index },
  "layers from 2^31": { firstLayer: 2 ** 31 },
  "the second of 2 ranks": { ranks: 2 },
  "the last of 1,048,576 ranks": { ranks: LIMITS.ranks.most },
  "the last of 256 categories": { categoriesBefore: 256 - CATEGORIES.length },
};

/** What is measured of each, in milliseconds. */
const MEASURED = [
  "storing, of processor",
  "the run list",
  "400 columns",
  "a layer in detail",
  "the last 100 steps",
] as const;

export async function indices(): Promise<void> {
  console.log(
    `${MESSAGES} messages of ${LAYERS} layers × ${EXPERTS} experts × ${CATEGORIES.length} categories; beside each the ratio to small ones.\n`,
  );
  const rows: [string, number[]][] = [];
  for (const [name, variant] of Object.entries(VARIANTS)) rows.push([name, await measured(variant)]);
  const small = rows[0]![1];
  printTable(
    ["indices", ...MEASURED.map((what) => `${what}, ms`)],
    rows.map(([name, values]) => [
      name,
      ...values.map((value, at) => `${value.toFixed(0)} (${(value / small[at]!).toFixed(2)})`),
    ]),
  );
}

/** @returns one number for each of `MEASURED` */
async function measured({
  step = (index) => index,
  firstLayer = 0,
  ranks = 1,
  categoriesBefore = 0,
}: Indices): Promise<number[]> {
  const directory = mkdtempSync(join(tmpdir(), "moescope-bench-"));
  const collector = await startCollectorProcess(join(directory, "data"));
  try {
    const layers = Array.from({ length: LAYERS }, (_, layer) => ({
      index: firstLayer + layer,
      experts: EXPERTS,
      topK: 2,
    }));
    const before = Array.from({ length: categoriesBefore }, (_, category) => `category ${category}`);
    const run = { id: "run", ranks, layers, categories: [...before, ...CATEGORIES] };
    const sender = new StepSender(collector.grpc, run, ranks - 1);
    const began = processorSeconds(collector.pid);
    for (let index = 0; index < MESSAGES; index++)
      sender.step(message(step(index), index, firstLayer, categoriesBefore));
    await sender.acknowledged();
    await sender.finish(Date.now());
    const stored = 1000 * (processorSeconds(collector.pid) - began);
    const history = "/run/history?points=400";
    const last = `from=${step(MESSAGES - 100)}&to=${step(MESSAGES - 1)}`;
    const paths = ["", history, `${history}&layers=${firstLayer}`, `${history}&layers=${firstLayer}&${last}`];
    const answers: number[] = [];
    for (const path of paths) answers.push(await millisecondsOf(`http://${collector.http}/api/v1/runs${path}`));
    return [stored, ...answers];
  } finally {
    await collector.kill();
    rmSync(directory, { recursive: true });
  }
}

function message(step: number, index: number, firstLayer: number, firstCategory: number) {
  const histograms = Array.from({ length: LAYERS }, (_, layer) => ({
    layer: firstLayer + layer,
    categories: CATEGORIES.map((_, category) => ({
      category: firstCategory + category,
      counts: Array.from({ length: EXPERTS }, (_, expert) => (2 * TOKENS) / EXPERTS + (((index + expert) % 2) * 2 - 1)),
      tokens: TOKENS,
    })),
  }));
  const scalars = [{ name: "loss", value: 4 / (index + 1) }];
  return { step, tokens: (index + 1) * TOKENS, time: Date.now(), split: v1.Split.TRAIN, scalars, histograms };
}

/** Of seven answers, after three that warm up. */
async function millisecondsOf(url: string): Promise<number> {
  const times: number[] = [];
  for (let asked = 0; asked < 10; asked++) {
    const from = performance.now();
    const answer = await fetch(url, { headers: { Accept: "application/x-protobuf" } });
    if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
    await answer.arrayBuffer();
    times.push(performance.now() - from);
  }
  return median(times.slice(3));
}
