// Which part of a history is wanted, and whether one answer can hold it. The work follows the length of the request, not the steps it names.
import type { v1 } from "@moescope/proto";
import { bucketWidth, type HistoryRequest } from "../../store/reading/history.ts";
import { RequestError } from "../errors.ts";

/** Most counts in one answer: a heat map of 2,000 columns × 256 experts × 3 categories with its extremes fits. */
const MAX_COUNTS = 4_000_000;

/** Steps `from`..`to`, both included. */
export interface Steps {
  from: number;
  to: number;
}

/**
 * @param lastStep the newest of the run; −1 when it has none
 * @throws RequestError (400) when the last step lies before the first
 */
export function chosenSteps(asked: { from?: number | undefined; to?: number | undefined }, lastStep: number): Steps {
  const from = asked.from ?? 0;
  const to = asked.to ?? Math.max(lastStep, from);
  if (to < from) throw new RequestError(400, `parameter to is ${to}: must be ${from}, the value of from, or more`);
  return { from, to };
}

/**
 * @param moeLayers of the run
 * @throws RequestError (400) when the run has no such layer
 */
export function chosenLayers(
  layers: "none" | "all" | readonly number[],
  moeLayers: readonly number[],
): readonly number[] {
  if (layers === "none") return [];
  if (layers === "all") return moeLayers;
  const known = new Set(moeLayers);
  const unknown = layers.find((layer) => !known.has(layer));
  if (unknown === undefined) return layers;
  throw new RequestError(400, `parameter layers has ${unknown}: the run's MoE layers are ${listed(moeLayers)}`);
}

/** Items of a list that an error repeats. */
const MOST_LISTED = 100;

function listed(layers: readonly number[]): string {
  const more = layers.length - MOST_LISTED;
  return `${layers.slice(0, MOST_LISTED).join(", ")}${more > 0 ? `, and ${more} more` : ""}`;
}

type Wanted = Pick<HistoryRequest, "from" | "to" | "points" | "single" | "layers" | "together">;

/** @throws RequestError (400) when it is more than one answer holds */
export function refuseTooMuch(wanted: Wanted, run: Pick<v1.RunDescription, "experts" | "categories">): void {
  const { from, to, points, single, layers, together } = wanted;
  const { experts, categories } = run;
  const width = single ? 1 : bucketWidth(from, to, points);
  const buckets = Math.min(points, Math.floor(to / width) - Math.floor(from / width) + 1);
  const loads = together ? 1 : categories.length;
  if (buckets * layers.length * experts * (loads + 2) <= MAX_COUNTS) return;
  throw new RequestError(
    400,
    `${buckets} points × ${layers.length} layers × ${experts} experts × ${together ? "all categories together" : `${loads} categories`} is more than one answer holds (${MAX_COUNTS} counts): ask for fewer points or layers`,
  );
}
