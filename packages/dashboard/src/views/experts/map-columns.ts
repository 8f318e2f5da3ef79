// Columns of the heat map of experts: the buckets, and on the time axis a stretch without any where the run was paused.
import type { Axis } from "../../address/address.ts";
import { pausesOf } from "../../charts/pauses.ts";
import { type ExpertsModel, pausedLine } from "./experts-model.ts";

export interface MapColumns {
  /** Bucket of each column; of a pause, the one before it. */
  buckets: readonly number[];
  /** Place of each column on the x axis, ascending. */
  x: Float64Array;
  pauses: readonly MapPause[];
}

/** Columns `from`..`before − 1`, in which the run made no steps for so many milliseconds. */
export interface MapPause {
  from: number;
  before: number;
  length: number;
}

/** Most of the map that a pause takes: columns are steps, so the time axis of a map is not even, and hours would leave no room. */
const PAUSE_SHARE = 1 / 30;

export function mapColumns(model: ExpertsModel, axis: Axis): MapColumns {
  const places = pausesOf([pausedLine(model)], axis);
  const most = Math.max(1, Math.round(model.x.length * PAUSE_SHARE));
  const made = places.reduce((rest, { from, to }) => rest - (to - from), (model.x.at(-1) ?? 0) - (model.x[0] ?? 0));
  const usual = made / Math.max(1, model.x.length - 1 - places.length);
  const buckets: number[] = [];
  const x: number[] = [];
  const pauses: MapPause[] = [];
  for (const [bucket, at] of model.x.entries()) {
    const pause = places.find(({ to }) => to === at);
    if (pause !== undefined) {
      const length = pause.to - pause.from;
      const wide = Math.max(1, Math.min(most, Math.round(length / usual)));
      pauses.push({ from: x.length, before: x.length + wide, length });
      for (let column = 1; column <= wide; column++) {
        buckets.push(bucket - 1);
        x.push(pause.from + (length * column) / (wide + 1));
      }
    }
    buckets.push(bucket);
    x.push(at);
  }
  return { buckets, x: Float64Array.from(x), pauses };
}

/** @returns the pause that a column lies in */
export function pauseAt({ pauses }: MapColumns, column: number): MapPause | undefined {
  return pauses.find(({ from, before }) => column >= from && column < before);
}

/** Relative load with experts as rows; NaN in pauses. */
export function mapValues({ relative, experts }: ExpertsModel, columns: MapColumns): Float64Array {
  const { length } = columns.buckets;
  const values = new Float64Array(experts * length).fill(Number.NaN);
  for (const [column, bucket] of columns.buckets.entries()) {
    if (pauseAt(columns, column) !== undefined) continue;
    for (let expert = 0; expert < experts; expert++)
      values[expert * length + column] = relative[bucket * experts + expert]!;
  }
  return values;
}

/** @param dead experts that are dead in each bucket @returns the cells of the map, row-major */
export function mapDead(dead: readonly (readonly number[])[], columns: MapColumns): number[] {
  const { length } = columns.buckets;
  return columns.buckets.flatMap((bucket, column) =>
    pauseAt(columns, column) === undefined ? dead[bucket]!.map((expert) => expert * length + column) : [],
  );
}
