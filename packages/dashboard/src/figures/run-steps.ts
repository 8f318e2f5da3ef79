// Steps of a run as the figures take them, added up.
import { sumBuckets } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";

/** A run and the steps to add up, with the counts of the figure's layers. */
export interface RunSteps {
  run: v1.RunDescription.$Properties;
  history: v1.History.$Properties;
}

/** The share of a run, at its end, that a figure adds up unless told otherwise. */
export const DEFAULT_WINDOW = 0.1;

/** @returns first and last step of the last tenth of a run that has steps 0..lastStep; at least one step */
export function lastTenth(lastStep: number): readonly [from: number, to: number] {
  return [Math.min(lastStep, Math.floor((lastStep + 1) * (1 - DEFAULT_WINDOW))), lastStep];
}

/** @returns the first, the middle and the last of a run's MoE layers, each once */
export function spreadLayers(moeLayers: readonly number[]): number[] {
  const places = [0, Math.floor((moeLayers.length - 1) / 2), moeLayers.length - 1];
  return [...new Set(places)].flatMap((place) => moeLayers[place] ?? []);
}

/** @returns all steps as one bucket; undefined when there are none */
export function addedUp({ buckets = [] }: v1.History.$Properties): v1.StepBucket.$Properties | undefined {
  return sumBuckets(buckets);
}

/** @returns loads of one layer, one for each category that had tokens */
export function loadsOf(
  bucket: v1.StepBucket.$Properties | undefined,
  layer: number,
): readonly v1.CategoryLoad.$Properties[] {
  return bucket?.layers?.find((each) => (each.layer ?? 0) === layer)?.categories ?? [];
}

/** @returns one histogram for each category of the run, of zeros where it had no tokens */
export function countsByCategory(
  { categories = [], experts = 0 }: v1.RunDescription.$Properties,
  bucket: v1.StepBucket.$Properties | undefined,
  layer: number,
): number[][] {
  const loads = loadsOf(bucket, layer);
  return categories.map((_, category) => {
    const counts = loads.find((load) => (load.category ?? 0) === category)?.counts ?? [];
    return Array.from({ length: experts }, (_, expert) => counts[expert] ?? 0);
  });
}

/** @returns a run and its steps in words, for a caption */
export function runInWords(run: v1.RunDescription.$Properties, bucket: v1.StepBucket.$Properties | undefined): string {
  const steps = bucket === undefined ? "no steps" : `steps ${bucket.firstStep ?? 0}–${bucket.lastStep ?? 0}`;
  return `${run.name || run.id} (${run.strategy || "no strategy"}, seed ${run.seed ?? 0}, ${steps})`;
}
