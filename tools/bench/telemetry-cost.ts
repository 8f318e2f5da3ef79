// What telemetry costs a step: counting, and sending to a collector on the same machine. The bar is 1 % of step time.
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { type CollectorProcess, startCollectorProcess } from "../collector-process.ts";
import { measureInWorker } from "./child.ts";
import { pairedDifference } from "./paired.ts";
import { median, printTable } from "./table.ts";
import type { TelemetryCostResult } from "./telemetry-cost-worker.ts";

/** Pairs of steps of each recipe: the shorter its steps, the more their times vary beside what is measured. */
const PAIRS: Record<string, number> = { demo: 500, reference: 150 };
/** Processes that wanted to run, of the last minute, for each core: beyond this, others were in the way. */
const QUIET_BELOW = 0.25;

export async function telemetryCost(): Promise<void> {
  const load = loadavg()[0]! / availableParallelism();
  const directory = mkdtempSync(join(tmpdir(), "moescope-bench-"));
  const collector = await startCollectorProcess(join(directory, "data"));
  try {
    const rows: Record<string, string>[] = [];
    for (const recipe of Object.keys(PAIRS)) rows.push(rowOf(recipe, await measure(recipe, collector, directory)));
    printTable(Object.keys(rows[0]!), rows.map(Object.values));
  } finally {
    await collector.kill();
    rmSync(directory, { recursive: true });
  }
  const pairs = Object.entries(PAIRS).map(([recipe, count]) => `${count} of ${recipe}`);
  console.log(`\nPairs of steps, one counted and sent, one neither: ${pairs.join(", ")}. ${quietness(load)}`);
}

function measure(recipe: string, { grpc, pid }: CollectorProcess, directory: string): Promise<TelemetryCostResult> {
  return measureInWorker(
    "telemetry-cost-worker",
    recipe,
    String(PAIRS[recipe]),
    grpc,
    join(directory, "spool"),
    String(pid),
  );
}

function rowOf(recipe: string, result: TelemetryCostResult): Record<string, string> {
  const { device, withReport, without, counting, posting, cpuOfReport, bytes, dropped } = result;
  const step = median(without);
  const differences = withReport.map((time, pair) => (100 * (time - without[pair]!)) / without[pair]!);
  const { median: difference, low, high, p25, p75 } = pairedDifference(differences);
  const ofStep = (milliseconds: number) =>
    `${milliseconds.toFixed(2)} ms, ${((100 * milliseconds) / step).toFixed(2)} %`;
  return {
    recipe: `${recipe} on ${device}`,
    "ms a step": step.toFixed(1),
    counting: ofStep(median(counting)),
    "posting a report": ofStep(median(posting)),
    "CPU of a report, all threads": ofStep(cpuOfReport),
    "counted and sent − neither: median [95 %]": `${percent(difference)} [${percent(low)}, ${percent(high)}]`,
    "middle half of the pairs": `${percent(p25)} to ${percent(p75)}`,
    report: `${(bytes / 1000).toFixed(1)} kB, ${dropped} dropped`,
  };
}

function percent(value: number): string {
  return `${value.toFixed(2)} %`;
}

function quietness(load: number): string {
  const measured = `Load before the bench: ${load.toFixed(2)} for each core`;
  return load < QUIET_BELOW ? `${measured}.` : `${measured}: the machine was not quiet, do not quote these numbers.`;
}
