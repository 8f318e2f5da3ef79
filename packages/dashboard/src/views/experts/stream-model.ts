// The loads of a layer's experts as a stream: shares on top of each other, expert 0 at the bottom.
import type { Axis } from "../../address/address.ts";
import { pausesOf } from "../../charts/pauses.ts";
import { type ExpertsModel, pausedLine } from "./experts-model.ts";

/** Where one expert lies in the stream, 0..1, with a place for every bucket; NaN where a bucket has no counts. */
export interface ExpertBand {
  expert: number;
  low: Float64Array;
  high: Float64Array;
}

/** @returns a band for each expert, ascending: one begins where the one before ends */
export function streamBands({ share, experts, x }: Pick<ExpertsModel, "share" | "experts" | "x">): ExpertBand[] {
  let low = x.map((_, row) => 0 * (share[row * experts] ?? Number.NaN));
  return Array.from({ length: experts }, (_, expert) => {
    const band = { expert, low, high: low.map((sum, row) => sum + share[row * experts + expert]!) };
    low = band.high;
    return band;
  });
}

/** @returns first and last bucket, the latter not included, of every stretch without a pause: a stream has no shares while a run is paused */
export function stretchesOf(model: ExpertsModel, axis: Axis): [from: number, before: number][] {
  const begins = pausesOf([pausedLine(model)], axis).map(({ to }) => model.x.indexOf(to));
  return [0, ...begins].map((from, place) => [from, begins[place] ?? model.x.length]);
}

/** @returns the expert that covers a height of the stream, 0..1, in a bucket; undefined outside */
export function expertInStream(
  { share, experts }: Pick<ExpertsModel, "share" | "experts">,
  bucket: number,
  height: number,
): number | undefined {
  if (height < 0) return undefined;
  let sum = 0;
  for (let expert = 0; expert < experts; expert++) {
    sum += share[bucket * experts + expert]!;
    if (height <= sum) return expert;
  }
  return undefined;
}
