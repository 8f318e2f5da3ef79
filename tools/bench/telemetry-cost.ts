// What telemetry costs a step: counting, and sending to a collector on the same machine. The bar is 1 % of step time.
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { type CollectorProcess, startCollectorProcess } from "../collector-process.ts";
import { measureInWorker } from "./child.ts";
import { pairedDifference } from "./paired.ts";
import { median, printTable } from "./table.ts";
import type { TelemetryCostResult } from "./telemetry-cost-worker.ts";

/** Rounds of each recipe: the shorter its steps, the more their times vary beside what is measured. */
const ROUNDS: Record<string, number> = { demo: 150, reference: 40 };
/** Processes that wanted to run, of the last minute, for each core: beyond this, others were in the way. */
const QUIET_BELOW = 0.25;

export async function telemetryCost(): Promise<void> {
  const load = loadavg()[0]! / availableParallelism();
  const directory = mkdtempSync(join(tmpdir(), "moescope-bench-"));
  const collector = await startCollectorProcess(join(directory, "data"));
  try {
    const rows: Record<string, string>[] = [];
    for (const recipe of Object.keys(ROUNDS)) rows.push(rowOf(recipe, await measure(recipe, collector, directory)));
    printTable(Object.keys(rows[0]!), rows.map(Object.values));
  } finally {
    await collector.kill();
    rmSync(directory, { recursive: true });
  }
  const rounds = Object.entries(ROUNDS).map(([recipe, count]) => `${count} of ${recipe}`);
  console.log(
    `\nRounds of five steps neither counted nor sent, five counted, five counted and sent: ${rounds.join(", ")}. ${quietness(load)}`,
  );
}

function measure(recipe: string, { grpc, pid }: CollectorProcess, directory: string): Promise<TelemetryCostResult> {
  return measureInWorker(
    "telemetry-cost-worker",
    recipe,
    String(ROUNDS[recipe]),
    grpc,
    join(directory, "spool"),
    String(pid),
  );
}

function rowOf(recipe: string, result: TelemetryCostResult): Record<string, string> {
  const { device, milliseconds, posting, bytes, dropped } = result;
  const step = median(milliseconds.neither);
  return {
    recipe: `${recipe} on ${device}`,
    "ms a step": step.toFixed(1),
    "posting a report": `${median(posting).toFixed(2)} ms, ${percent((100 * median(posting)) / step)}`,
    "counted − neither: median [95 %]": slower(milliseconds.counted, milliseconds.neither),
    "counted and sent − neither: median [95 %]": slower(milliseconds.sent, milliseconds.neither),
    report: `${(bytes / 1000).toFixed(1)} kB, ${dropped} dropped`,
  };
}

/** How much slower the steps of one way are than those of the other in the same rounds. */
function slower(milliseconds: readonly number[], than: readonly number[]): string {
  const differences = milliseconds.map((time, round) => (100 * (time - than[round]!)) / than[round]!);
  const { median: difference, low, high } = pairedDifference(differences);
  return `${percent(difference)} [${percent(low)}, ${percent(high)}]`;
}

function percent(value: number): string {
  return `${value.toFixed(2)} %`;
}

function quietness(load: number): string {
  const measured = `Load before the bench: ${load.toFixed(2)} for each core`;
  return load < QUIET_BELOW ? `${measured}.` : `${measured}: the machine was not quiet, do not quote these numbers.`;
}
