// A run as TensorBoard event files: a folder for each split, which TensorBoard shows as a run; its scalars, and the metrics of each layer.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@moescope/dashboard/api";
import type { v1 } from "@moescope/proto";
import { type Selection, splitName, stepPages } from "../step-pages.ts";
import { meanOf } from "../tables.ts";
import type { SummaryValue } from "./event.ts";
import { EventFile } from "./event-file.ts";

/**
 * @param directory a log directory, as `tensorboard --logdir` takes it; made when it does not exist
 * @returns the paths of the files
 */
export async function exportEvents(client: Client, selection: Selection, directory: string): Promise<string[]> {
  const written: string[] = [];
  for (const split of selection.splits) {
    let file: EventFile | undefined;
    for await (const buckets of stepPages(client, { ...selection, splits: [split] }, false)) {
      if (file === undefined) {
        const path = await eventPath(directory, selection, buckets[0]!);
        written.push(path);
        file = new EventFile(path, buckets[0]!.time / 1000);
      }
      for (const bucket of buckets) await file.write(bucket.time / 1000, bucket.firstStep, valuesOf(bucket));
    }
    await file?.close();
  }
  return written;
}

async function eventPath(directory: string, { run }: Selection, { split, time }: v1.StepBucket): Promise<string> {
  const folder = join(directory, run.id, splitName(split));
  await mkdir(folder, { recursive: true });
  // TensorBoard finds event files by "tfevents" in the name, and sorts them by the seconds after it.
  return join(folder, `events.out.tfevents.${Math.floor(time / 1000)}.moescope`);
}

function valuesOf({ scalars, layers }: v1.StepBucket): SummaryValue[] {
  const withLoad = layers.map(({ maxViolation }) => meanOf(maxViolation)).filter((value) => !Number.isNaN(value));
  const mean = withLoad.reduce((sum, value) => sum + value, 0) / withLoad.length;
  return [
    ...scalars.map((scalar) => ({ tag: scalar.name, simpleValue: meanOf(scalar) })),
    ...(withLoad.length > 0 ? [{ tag: "max_violation/mean", simpleValue: mean }] : []),
    ...layers.flatMap(({ layer, maxViolation, deadExperts, tokens, dropped }) => [
      { tag: `max_violation/layer_${layer}`, simpleValue: meanOf(maxViolation) },
      { tag: `dead_experts/layer_${layer}`, simpleValue: deadExperts },
      { tag: `tokens/layer_${layer}`, simpleValue: tokens },
      { tag: `dropped/layer_${layer}`, simpleValue: dropped },
    ]),
  ];
}
