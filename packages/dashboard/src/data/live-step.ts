// What a live step brings, and what is kept of it.
import { withoutExperts } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import type { SplitName } from "../api/client.ts";
import { type Bucket, type Layer, layerOf } from "./bucket.ts";
import type { Wanted } from "./live-subscription.ts";

/** Whether a step has the counts of every layer: of one that waited for this page only the wanted layers do. */
export function carriesAll({ layers = [] }: Bucket, wanted: Wanted): boolean {
  return layers.every(({ layer = 0, categories }) => wanted.layers.includes(layer) || categories?.length);
}

/** A step's layers without the counts of all but one: over thousands of steps they would fill the memory. */
export function keepCountsOf(step: Bucket, layer: number | undefined): Layer[] {
  const kept = layer === undefined ? undefined : layerOf(step, layer);
  return (step.layers ?? []).map((each) => (each === kept ? each : withoutExperts(each)));
}

/** @returns the name of a split, as the HTTP API spells it */
export function splitName(split: v1.Split | undefined): SplitName {
  return split === v1.Split.EVAL ? "eval" : split === v1.Split.PROBE ? "probe" : "train";
}
