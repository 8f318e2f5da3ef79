// Curves of several runs over one x axis, brought to the same places so that they can be averaged.
import type { Axis } from "../../address/address.ts";
import { type Bucket, positionOf } from "../../data/bucket.ts";

export interface CurvePoint {
  x: number;
  firstStep: number;
  lastStep: number;
  /** Steps present. */
  steps: number;
  attempt: number;
  /** Mean over them; NaN where there is no number. */
  y: number;
}

/**
 * @param width steps of a point; buckets that are narrower are put together, so that runs of different lengths can be compared
 * @param read value of a bucket; undefined leaves it out
 */
export function curveOf(
  buckets: readonly Bucket[],
  width: number,
  axis: Axis,
  startedAt: number,
  read: (bucket: Bucket) => number | undefined,
): CurvePoint[] {
  const points: CurvePoint[] = [];
  for (const bucket of buckets) {
    const y = read(bucket);
    if (y === undefined) continue;
    const { firstStep = 0, lastStep = 0, steps = 1, attempt = 0 } = bucket;
    const x = positionOf(bucket, axis, startedAt);
    const point = { x, firstStep, lastStep, steps: Math.max(1, steps), attempt, y };
    const before = points.at(-1);
    const joins = before !== undefined && Math.floor(before.firstStep / width) === Math.floor(firstStep / width);
    if (joins) points[points.length - 1] = joined(before, point);
    else points.push(point);
  }
  return points;
}

function joined(before: CurvePoint, after: CurvePoint): CurvePoint {
  const steps = before.steps + after.steps;
  const y = (before.y * before.steps + after.y * after.steps) / steps;
  return { ...after, firstStep: before.firstStep, steps, y };
}

/** A place on the x axis with the value of every curve. */
export interface AlignedPoint extends Omit<CurvePoint, "y"> {
  values: number[];
}

/**
 * Brings curves to the places of the one with the fewest points, by straight lines between their own. Beyond the ends of the shortest
 * there is no point: a mean over fewer runs would jump there.
 *
 * @param curves without empty ones; none: no points
 */
export function alignCurves(curves: readonly (readonly CurvePoint[])[]): AlignedPoint[] {
  if (curves.length === 0) return [];
  const grid = curves.reduce((fewest, curve) => (curve.length < fewest.length ? curve : fewest));
  const from = Math.max(...curves.map((curve) => curve[0]!.x));
  const to = Math.min(...curves.map((curve) => curve.at(-1)!.x));
  const within = grid.filter(({ x }) => x >= from && x <= to);
  const readers = curves.map(valueReader);
  return within.map(({ y: _, ...place }) => ({ ...place, values: readers.map((read) => read(place.x)) }));
}

/** Reads a curve at ascending places within it. */
function valueReader(curve: readonly CurvePoint[]): (x: number) => number {
  let after = 0;
  return (x) => {
    while (curve[after]!.x < x) after++;
    const [right, left] = [curve[after]!, curve[after - 1]];
    if (right.x === x || left === undefined) return right.y;
    return left.y + ((right.y - left.y) * (x - left.x)) / (right.x - left.x);
  };
}
