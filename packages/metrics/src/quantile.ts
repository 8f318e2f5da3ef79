// Quantiles, for what a metric is like across layers.

/**
 * Quantile by linear interpolation between the sorted values (type 7 of Hyndman and Fan 1996; the default of NumPy and R).
 *
 * @param values in any order; NaN, a layer that the metric says nothing about, is left out
 * @param level 0 … 1; 0.5 is the median
 * @returns NaN when no value is left
 * @throws RangeError when the level is outside 0 … 1
 */
export function quantile(values: ArrayLike<number>, level: number): number {
  return quantiles(values, [level])[0]!;
}

/** The same at several levels, sorted once. @returns one for each level, in order */
export function quantiles(values: ArrayLike<number>, levels: readonly number[]): number[] {
  const unknown = levels.find((level) => !(level >= 0 && level <= 1));
  if (unknown !== undefined) throw new RangeError(`quantile at level ${unknown}; allowed is 0 to 1`);
  const sorted = Float64Array.from(values)
    .filter((value) => !Number.isNaN(value))
    .sort();
  return levels.map((level) => quantileOf(sorted, level));
}

function quantileOf(sorted: Float64Array, level: number): number {
  if (sorted.length === 0) return Number.NaN;
  const place = level * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  if (sorted[below] === sorted[above]) return sorted[below]!;
  return sorted[below]! + (sorted[above]! - sorted[below]!) * (place - below);
}

export interface LayerSpread {
  p5: number;
  p50: number;
  p95: number;
}

/**
 * What a metric is like across layers: the layers that most others are above or below, and the middle.
 *
 * @param values one for each layer; NaN is left out
 * @returns all NaN when no value is left
 */
export function acrossLayers(values: ArrayLike<number>): LayerSpread {
  const [p5, p50, p95] = quantiles(values, [0.05, 0.5, 0.95]) as [number, number, number];
  return { p5, p50, p95 };
}
