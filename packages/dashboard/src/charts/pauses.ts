// Stretches of time in which a run made no steps: it had stopped, and went on as another attempt.
import type { Axis } from "../address/address.ts";
import type { LineSeries } from "./line-series.ts";

/** What has to be known of a line to find the pauses of its run. */
export type PausedLine = Pick<LineSeries, "run" | "colour" | "broken"> & {
  points: readonly { x: number; attempt: number }[];
};

export interface Pause {
  id: string;
  from: number;
  to: number;
  colour: string;
}

/** @returns the pauses of every run, each once; none on an axis that does not count them */
export function pausesOf(lines: readonly PausedLine[], axis: Axis): Pause[] {
  if (axis !== "time") return [];
  const known = new Map<string, Pause>();
  for (const { run, colour, points, broken } of lines) {
    if (broken) continue;
    for (const [place, point] of points.entries()) {
      const before = points[place - 1];
      if (before === undefined || before.attempt === point.attempt || !(point.x > before.x)) continue;
      const id = `${run}/${point.attempt}`;
      if (!known.has(id)) known.set(id, { id, from: before.x, to: point.x, colour });
    }
  }
  return [...known.values()];
}
