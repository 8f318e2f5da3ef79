// Whether training keeps its memory: tensors and resident size after 10, 100 and 1,000 steps.
import { measureInWorker } from "./child.ts";
import type { MemoryResult } from "./memory-worker.ts";
import { printTable } from "./table.ts";

export async function memory(): Promise<void> {
  const { samples } = await measureInWorker<MemoryResult>("memory-worker");
  printTable(
    ["after steps", "tensors", "resident MiB"],
    samples.map(({ step, tensors, residentMiB }) => [step, tensors, residentMiB.toFixed(0)]),
  );
}
