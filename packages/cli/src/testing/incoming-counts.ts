// What a reader of the import made of files, laid out to be compared with a truth that was counted another way.
import type { IncomingRun } from "../exchange/incoming-run.ts";
import { gathered } from "./gathered.ts";

/** By "step/layer/category" the counts of every expert; what has none is left out. */
export type Counts = Record<string, number[]>;

export async function incomingCountsOf({ steps, shape }: IncomingRun): Promise<Counts> {
  const counts: Counts = {};
  for (const { step, histograms } of await gathered(steps)) {
    for (const { layer, categories } of histograms ?? []) {
      for (const { category, counts: given, tokens } of categories ?? []) {
        const key = `${step}/${layer}/${shape.categories[category ?? 0]}`;
        if (tokens! * shape.topK !== sum(given!)) throw new Error(`${key}: ${tokens} tokens for ${given}`);
        counts[key] = given!.map((count, expert) => count + (counts[key]?.[expert] ?? 0));
      }
    }
  }
  return counts;
}

/** Counts one choice. */
export function count(counts: Counts, key: string, expert: number, experts: number): void {
  counts[key] ??= new Array<number>(experts).fill(0);
  counts[key][expert]!++;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
