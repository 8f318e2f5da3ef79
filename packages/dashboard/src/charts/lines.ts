// Lines and bands as SVG path data: many series in a few elements.

/**
 * @param x pixel of each point
 * @param y pixel of each point; NaN interrupts the line
 */
export function linePath(x: ArrayLike<number>, y: ArrayLike<number>): string {
  let path = "";
  let pen = "M";
  for (let index = 0; index < x.length; index++) {
    if (Number.isNaN(y[index]!)) {
      pen = "M";
      continue;
    }
    path += `${pen}${round(x[index]!)} ${round(y[index]!)}`;
    pen = "L";
  }
  return path;
}

/** The area between two lines over the same x; points where either is NaN are left out. */
export function bandPath(x: ArrayLike<number>, low: ArrayLike<number>, high: ArrayLike<number>): string {
  const kept = Array.from(x, (_, index) => index).filter((index) => !Number.isNaN(low[index]! + high[index]!));
  if (kept.length === 0) return "";
  const upper = kept.map((index) => `${round(x[index]!)} ${round(high[index]!)}`);
  const lower = kept.toReversed().map((index) => `${round(x[index]!)} ${round(low[index]!)}`);
  return `M${[...upper, ...lower].join("L")}Z`;
}

/** Up to so many points a line shows them: a few evaluations would be hard to see, and one would not be there. */
export const SPARSE = 24;

/** A dot at every point; a NaN has none. */
export function dotsPath(x: ArrayLike<number>, y: ArrayLike<number>): string {
  return Array.from(x, (left, place) =>
    Number.isNaN(y[place]!) ? "" : `M${round(left - 2.5)} ${round(y[place]!)}a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0z`,
  ).join("");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Index of the value nearest to `wanted` in an ascending list; −1 when it is empty. */
export function nearestIndex(ascending: ArrayLike<number>, wanted: number): number {
  let [low, high] = [0, ascending.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  if (low > 0 && wanted - ascending[low - 1]! < ascending[low]! - wanted) return low - 1;
  return ascending.length === 0 ? -1 : low;
}
