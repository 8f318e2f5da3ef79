// A run's steps one by one, fetched a page at a time: no more than a page is in memory, however long the run.
import type { Client, LayerChoice, SplitName } from "@moescope/dashboard/api";
import { v1 } from "@moescope/proto";
import { Failure } from "../failure.ts";

export const splits: readonly SplitName[] = ["train", "eval", "probe", "rollout"];

/** What of a run is read. */
export interface Selection {
  run: v1.RunDescription;
  splits: readonly SplitName[];
  /** First and last step, both included; absent: the first and the last there is. */
  from?: number;
  to?: number;
  layers: LayerChoice;
  /** Absent: of overlapping attempts the newest. */
  attempt?: number;
}

/** Counts in one page; a step of 58 layers × 256 experts × 3 categories with its extremes has 74,240. */
const PAGE_COUNTS = 500_000;
/** The API answers no more points at once. */
const MOST_POINTS = 2_000;

/**
 * @param counts whether the layers' counts are wanted, or their metrics alone
 * @returns buckets one step wide, ascending, split after split; steps of which nothing is stored are left out
 */
export async function* stepPages(client: Client, selection: Selection, counts = true): AsyncGenerator<v1.StepBucket[]> {
  for (const split of selection.splits) {
    const range = await storedRange(client, selection, split);
    if (range === undefined) continue;
    const length = counts ? stepsInPage(selection) : MOST_POINTS;
    const layers = counts ? selection.layers : "none";
    let { from, to } = range;
    while (from <= to) {
      const page = { ...query(selection, split), layers, from, to, points: length, buckets: "single" } as const;
      const { buckets, bucketWidth } = await client.history(page);
      if (bucketWidth !== 1) throw new Failure(`Steps from ${from} on are no longer stored one by one`);
      if (buckets.length === 0) break;
      yield buckets.map((bucket) => withChosenLayers(bucket, selection));
      from = buckets.at(-1)!.lastStep + 1;
    }
  }
}

/** The load of every expert added up over the selection, in one bucket; undefined when no step lies in it. */
export async function summedSteps(client: Client, selection: Selection): Promise<v1.StepBucket | undefined> {
  const { from, to } = selection;
  const history = await client.history({ ...query(selection, selection.splits[0]!), from, to, points: 1 });
  return history.buckets[0];
}

/** Of the layers chosen, those that have experts, ascending. */
export function chosenLayers({ layers, run: { moeLayers } }: Selection): readonly number[] {
  if (layers === "none") return [];
  return layers === "all" ? moeLayers : moeLayers.filter((layer) => layers.includes(layer));
}

function query({ run, layers, attempt }: Selection, split: SplitName) {
  return { run: run.id, split, layers, attempt };
}

// The API answers the metrics of every layer, whichever layers' counts were asked for.
function withChosenLayers(bucket: v1.StepBucket, selection: Selection): v1.StepBucket {
  const chosen = new Set(chosenLayers(selection));
  bucket.layers = bucket.layers.filter(({ layer }) => chosen.has(layer));
  return bucket;
}

async function storedRange(client: Client, selection: Selection, split: SplitName) {
  const { from, to, attempt } = selection;
  const whole = await client.history({ run: selection.run.id, split, from, to, points: 1, layers: "none", attempt });
  const [bucket] = whole.buckets;
  return bucket && { from: bucket.firstStep, to: bucket.lastStep };
}

function stepsInPage(selection: Selection): number {
  const { experts, categories } = selection.run;
  const countsOfStep = chosenLayers(selection).length * experts * (categories.length + 2);
  return Math.min(MOST_POINTS, Math.max(1, Math.floor(PAGE_COUNTS / Math.max(1, countsOfStep))));
}

/** A split in the words of the API. */
export function splitName(split: v1.Split): string {
  return v1.Split[split]!.toLowerCase();
}
