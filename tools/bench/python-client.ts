// What the Python client costs: a train step of the reference model in PyTorch, steps of DeepSeek-V3's size, and eight ranks with one sender.
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { quantile } from "@moescope/metrics";
import { startCollectorProcess } from "../collector-process.ts";
import { measureInChild } from "./child.ts";
import { pairedDifference } from "./paired.ts";
import { findPythonWithTorch, INSTALL_TORCH } from "./python.ts";
import { median, printTable } from "./table.ts";

const [ROUNDS, LARGE_STEPS, RANK_STEPS] = [30, 8, 30];

/** Times in milliseconds, but `ending` in microseconds: the call of `run.step` alone. */
interface TrainSteps {
  device: string;
  torch: string;
  neither: number[];
  reported: number[];
  ending: number[];
  dropped: number;
  stored: boolean;
}

interface LargeSteps {
  plain: number[];
  counted: number[];
  ending: number[];
  /** Bytes of a step in the spool and as a message, and what the process grew by. */
  inSpool: number;
  onWire: number;
  added: number;
  dropped: number;
  stored: boolean;
}

interface LocalRanks {
  run: string;
  steps: number;
  ranks: number;
  seconds: number;
  senderCpu: number;
  senderBytes: number;
  /** Exit codes other than 0. */
  failed: number[];
}

export async function pythonClient(): Promise<void> {
  const python = await findPythonWithTorch();
  if (python === undefined) {
    console.log(`PyTorch was not found: ${INSTALL_TORCH}`);
    return;
  }
  const load = loadavg()[0]! / availableParallelism();
  const directory = mkdtempSync(join(tmpdir(), "moescope-bench-"));
  const collector = await startCollectorProcess(join(directory, "data"));
  const measure = <Result>(script: string, count: number) =>
    measureInChild<Result>(
      python,
      [
        fileURLToPath(new URL(`../../../packages/python/bench/${script}.py`, import.meta.url)),
        ...["--address", collector.grpc, "--spool", join(directory, script), "--collector", String(collector.pid)],
        ...[script === "train_step" ? "--rounds" : "--steps", String(count)],
      ],
      { ...process.env, PYTHONPATH: fileURLToPath(new URL("../../../packages/python/src", import.meta.url)) },
    );
  try {
    reportTrainSteps(await measure<TrainSteps>("train_step", ROUNDS));
    reportLargeSteps(await measure<LargeSteps>("large_step", LARGE_STEPS));
    await reportLocalRanks(await measure<LocalRanks>("local_ranks", RANK_STEPS), collector.http);
  } finally {
    await collector.kill();
    rmSync(directory, { recursive: true });
  }
  console.log(
    `\nLoad before the bench: ${load.toFixed(2)} for each core; above 0.25 the numbers are not to be quoted.`,
  );
}

function reportTrainSteps({ device, torch, neither, reported, ending, dropped, stored }: TrainSteps): void {
  requireAll(stored, dropped);
  const differences = reported.map((time, round) => (100 * (time - neither[round]!)) / neither[round]!);
  const { median: middle, low, high, p25, p75 } = pairedDifference(differences);
  console.log(`The reference model in torch ${torch} on ${device}, ${neither.length} pairs of rounds of five steps:\n`);
  printTable(
    [
      "ms a step",
      "added by counting and reporting: median [95 %]",
      "quartiles of the pairs",
      "`run.step`: median, p95, p99",
    ],
    [
      [
        median(neither).toFixed(1),
        `${percent(middle)} [${percent(low)}, ${percent(high)}]`,
        `${percent(p25)}, ${percent(p75)}`,
        spread(ending),
      ],
    ],
  );
}

function reportLargeSteps({ plain, counted, ending, inSpool, onWire, added, dropped, stored }: LargeSteps): void {
  requireAll(stored, dropped);
  const { median: middle, p25, p75 } = pairedDifference(counted.map((time, step) => time - plain[step]!));
  console.log("\n58 layers × 256 experts × 3 categories, top-8, 16,384 tokens; the model is its routers:\n");
  printTable(
    [
      "ms a forward",
      "added by hooks: median (quartiles)",
      "`run.step`: median, p95, p99",
      "in the spool, as a message",
      "memory added",
    ],
    [
      [
        median(plain).toFixed(0),
        `${middle.toFixed(1)} ms (${p25.toFixed(1)}, ${p75.toFixed(1)})`,
        spread(ending),
        `${kilobytes(inSpool)}, ${kilobytes(onWire)}`,
        `${(added / 2 ** 20).toFixed(0)} MiB`,
      ],
    ],
  );
}

async function reportLocalRanks(
  { run, steps, ranks, seconds, senderCpu, senderBytes, failed }: LocalRanks,
  http: string,
): Promise<void> {
  if (failed.length > 0) throw new Error(`ranks ended with ${failed.join(", ")}`);
  const answer = await fetch(`http://${http}/api/v1/runs`);
  const { runs } = (await answer.json()) as { runs: { run: { id: string }; steps: number }[] };
  const stored = runs.find((summary) => summary.run.id === run)?.steps;
  if (stored !== steps) throw new Error(`${stored} of ${steps} steps are stored`);
  console.log(
    `\n${ranks} ranks of that size in processes of their own, ${steps} steps each as fast as they can, one sender:\n`,
  );
  printTable(
    ["steps/s", "ms of the sender's processor time a step and rank", "its memory at most"],
    [
      [
        (steps / seconds).toFixed(1),
        ((1000 * senderCpu) / (steps * ranks)).toFixed(1),
        `${(senderBytes / 2 ** 20).toFixed(0)} MiB`,
      ],
    ],
  );
}

/** A bench that lost steps would have measured less work. */
function requireAll(stored: boolean, dropped: number): void {
  if (!stored || dropped > 0) throw new Error(`not everything was stored: ${dropped} steps were dropped`);
}

function spread(microseconds: readonly number[]): string {
  const sorted = [...microseconds].sort((a, b) => a - b);
  return `${[0.5, 0.95, 0.99].map((at) => Math.round(quantile(sorted, at))).join(", ")} µs`;
}

function percent(value: number): string {
  return `${value.toFixed(2)} %`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(0)} kB`;
}
