// Smoothing that depends on steps, not on how many of them share a point: zooming does not change the line.

export interface SmoothablePoint {
  /** Mean over the steps of the point; NaN where there is no number. */
  y: number;
  /** Steps in the point. */
  steps: number;
  attempt: number;
}

/**
 * Exponential moving average over the points so far, debiased: the first point stands where it is, and a constant stays constant. With
 * n steps in a point it forgets as much as over n single steps with the point's mean. A new attempt begins anew: what came before a restart says nothing
 * about it.
 *
 * @param points in the order of their steps
 * @param span steps looked back on, as in pandas' `ewm(span=…)`: a step forgets (span − 1) / (span + 1). Up to 1 nothing is smoothed
 * @returns one value for each point; NaN where the point has none
 */
export function smoothed(points: readonly SmoothablePoint[], span: number): Float64Array {
  const perStep = span > 1 ? (span - 1) / (span + 1) : 0;
  let [sum, weight, attempt] = [0, 0, points[0]?.attempt];
  return Float64Array.from(points, (point) => {
    if (point.attempt !== attempt) [sum, weight, attempt] = [0, 0, point.attempt];
    if (Number.isNaN(point.y)) return Number.NaN;
    const kept = perStep ** Math.max(1, point.steps);
    sum = kept * sum + (1 - kept) * point.y;
    weight = kept * weight + (1 - kept);
    return sum / weight;
  });
}
