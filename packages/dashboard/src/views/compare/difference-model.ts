// Relative load of one arm minus that of another, for every layer and expert.
import { relativeLoad, sampleOf } from "@moescope/metrics";
import { type Arrival, LOADING, sentenceWithout } from "../../data/arrival.ts";
import { type Bucket, layerOf, loadOf } from "../../data/bucket.ts";
import { idOf } from "../../data/chosen-runs.ts";
import { formatRatio } from "../../format/number.ts";
import type { Arm } from "./arms.ts";

/** Experts by their number, or in each run's layer from the busiest to the idlest. */
export type ExpertOrder = "number" | "load";

export interface DifferenceModel {
  /** The arm that is subtracted, and the one it is subtracted from. */
  baseline: Arm;
  against: Arm;
  order: ExpertOrder;
  layers: number[];
  experts: number;
  /** Mean relative load over the runs of each arm [layer × expert]; NaN where a layer did not report. */
  baselineLoad: Float64Array;
  againstLoad: Float64Array;
  /** `againstLoad` − `baselineLoad`. */
  difference: Float64Array;
  /** End of the symmetric scale: the largest difference, at least a tenth of the fair share. */
  limit: number;
  status: Arrival;
  sentence: string;
}

/** A smaller end of the scale would paint noise in strong colours. */
const LEAST_LIMIT = 0.1;

/**
 * @param buckets the steps of each run, added up, with the counts of all layers; by run id
 * @param steps which those are, in words
 */
export function differenceModel(
  { baseline, against }: { baseline: Arm; against: Arm },
  buckets: ReadonlyMap<string, Bucket>,
  order: ExpertOrder,
  steps: string,
  status: Arrival,
): DifferenceModel {
  const { moeLayers: layers = [], experts = 0 } = baseline.runs[0]?.run ?? {};
  const baselineLoad = meanLoads(baseline, buckets, layers, experts, order);
  const againstLoad = meanLoads(against, buckets, layers, experts, order);
  const difference = againstLoad.map((load, cell) => load - baselineLoad[cell]!);
  const known = difference.filter((value) => !Number.isNaN(value));
  const limit = known.reduce((most, value) => Math.max(most, Math.abs(value)), LEAST_LIMIT);
  const model = { baseline, against, order, layers, experts, baselineLoad, againstLoad, difference, limit, status };
  return { ...model, sentence: sentenceOf(model, known, steps) };
}

function meanLoads(
  arm: Arm,
  buckets: ReadonlyMap<string, Bucket>,
  layers: readonly number[],
  experts: number,
  order: ExpertOrder,
): Float64Array {
  const runs = arm.runs.flatMap((summary) => buckets.get(idOf(summary)) ?? []);
  return Float64Array.from(
    layers.flatMap((layer) => {
      const loads = runs.flatMap((bucket) => {
        const counts = loadOf(layerOf(bucket, layer))?.counts;
        // A run of another size has no such expert.
        return counts?.length === experts ? [ordered(relativeLoad(counts), order)] : [];
      });
      return Array.from({ length: experts }, (_, expert) => sampleOf(loads.map((load) => load[expert]!)).mean);
    }),
  );
}

function ordered(relative: Float64Array, order: ExpertOrder): Float64Array {
  return order === "load" ? relative.toSorted((a, b) => b - a) : relative;
}

function sentenceOf(model: Omit<DifferenceModel, "sentence">, known: Float64Array, steps: string): string {
  const { difference, experts, layers, status, baseline, against, order } = model;
  if (status === "loading") return LOADING;
  const others = against.runs[0]?.run?.experts ?? 0;
  if (others !== experts)
    return `${against.name} has ${others} experts in a layer and ${baseline.name} ${experts}: there is nothing to subtract.`;
  if (known.length === 0) return sentenceWithout(status, `No layer has counts in both ${steps}.`);
  const cell = difference.reduce(
    (best, value, at) => (Math.abs(value) > Math.abs(difference[best] ?? 0) ? at : best),
    difference.indexOf(known[0]!),
  );
  const value = difference[cell]!;
  const average = sampleOf(Array.from(known, Math.abs)).mean;
  const where = `${expertName(cell % experts, order)} of layer ${layers[Math.floor(cell / experts)]}`;
  return (
    `The largest difference ${steps} is at ${where}: in ${against.name} it gets ${formatRatio(Math.abs(value))} × its share ` +
    `${value < 0 ? "less" : "more"} than in ${baseline.name}. On average an expert's load differs by ${formatRatio(average)}.`
  );
}

/** @returns "expert 3", or by load "the busiest expert", "expert 4 by load" */
export function expertName(expert: number, order: ExpertOrder): string {
  if (order === "number") return `expert ${expert}`;
  return expert === 0 ? "the busiest expert" : `expert ${expert + 1} by load`;
}

/** Rows of the data behind the map, for a CSV file. */
export function differenceTable(model: DifferenceModel): (string | number)[][] {
  const { baseline, against, order, layers, experts, baselineLoad, againstLoad, difference } = model;
  const header = ["layer", order === "load" ? "rank_by_load" : "expert", against.name, baseline.name, "difference"];
  const rows = Array.from(difference, (value, cell) => {
    const layer = layers[Math.floor(cell / experts)]!;
    return [layer, cell % experts, againstLoad[cell]!, baselineLoad[cell]!, value];
  });
  return [header, ...rows];
}
