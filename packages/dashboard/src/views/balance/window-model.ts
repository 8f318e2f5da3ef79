// Metrics of loads added up over a window of steps, for every layer along a run.
import { coefficientOfVariation, maxViolation, normalisedEntropy } from "@moescope/metrics";
import type { Bucket } from "../../data/bucket.ts";
import type { LayerLoads, RunLoads } from "../../data/run-loads.ts";

/** What is said of the loads of a window; each is computed by `packages/metrics`. */
export const WINDOW_METRICS = {
  /** Global MaxVio: of the sums. */
  maxViolation,
  variation: coefficientOfVariation,
  entropy: normalisedEntropy,
} as const;
export type WindowMetric = keyof typeof WINDOW_METRICS;

/** The window that ends with a bucket. */
export interface LoadWindow {
  /** Without layers. Its first step is the window's. */
  bucket: Bucket;
  layers: readonly ({ layer: number } & Record<WindowMetric, number>)[];
}

/** By its last row, with the first: rows of a run that goes on stay the same objects. */
const known = new WeakMap<RunLoads["loads"][number], { first: RunLoads["loads"][number]; window: LoadWindow }>();

/**
 * A window for each bucket with enough steps before it. Windows consist of whole buckets, so they may be longer than asked for, and none
 * reaches over a restart.
 *
 * @param steps length aimed at
 * @returns in the order of their last steps; layers without assignments in the window are left out
 */
export function loadWindows({ places, layers, loads }: RunLoads, steps: number): LoadWindow[] {
  const windows: LoadWindow[] = [];
  const sums = layers.map(() => new RunningSum());
  let [first, covered] = [0, 0];
  const leave = () => {
    covered -= stepsOf(places[first]!);
    sums.forEach((sum, at) => {
      sum.add(loads[first]![at], -stepsOf(places[first]!));
    });
    first++;
  };
  for (const [row, place] of places.entries()) {
    while (first < row && places[first]!.attempt !== place.attempt) leave();
    covered += stepsOf(place);
    sums.forEach((sum, at) => {
      sum.add(loads[row]![at], stepsOf(place));
    });
    while (covered - stepsOf(places[first]!) >= steps) leave();
    if (covered < steps) continue;
    const [begin, end] = [loads[first]!, loads[row]!];
    let window = known.get(end);
    if (window?.first !== begin) {
      const bucket = { ...place, firstStep: places[first]!.firstStep ?? 0, steps: stepsOf(place) };
      window = { first: begin, window: { bucket, layers: sums.flatMap((sum, at) => sum.metrics(layers[at]!)) } };
      known.set(end, window);
    }
    windows.push(window.window);
  }
  return windows;
}

function stepsOf({ steps }: Bucket): number {
  return steps || 1;
}

/** Loads of a layer, added up exactly: counts are whole numbers. */
class RunningSum {
  #counts = new Float64Array();

  /** @param steps of the bucket that the loads are a mean over; negative to take them away */
  add(loads: LayerLoads | undefined, steps: number): void {
    if (loads === undefined) return;
    if (this.#counts.length === 0) this.#counts = new Float64Array(loads.mean.length);
    for (let expert = 0; expert < this.#counts.length; expert++)
      this.#counts[expert]! += Math.round(loads.mean[expert]! * steps);
  }

  metrics(layer: number): LoadWindow["layers"] {
    if (!this.#counts.some((count) => count > 0)) return [];
    const of = (metric: WindowMetric) => WINDOW_METRICS[metric](this.#counts);
    return [{ layer, maxViolation: of("maxViolation"), variation: of("variation"), entropy: of("entropy") }];
  }
}
