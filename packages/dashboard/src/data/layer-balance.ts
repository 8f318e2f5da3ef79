// How evenly the experts of a layer were used over a bucket of steps, as numbers; report and command line put them into words.
import {
  busiestExpert,
  coefficientOfVariation,
  deadExperts,
  layerLoad,
  maxViolation,
  normalisedEntropy,
  relativeLoad,
} from "@moescope/metrics";
import { type Layer, meanOf } from "./bucket.ts";

export interface LayerBalance {
  layer: number;
  /** MaxVio of single steps: their mean and the highest. */
  maxViolationBatch: number;
  highestMaxViolationBatch: number;
  /** MaxVio of the counts summed over the steps. */
  maxViolationGlobal: number;
  coefficientOfVariation: number;
  entropy: number;
  busiestExpert: number;
  /** Relative load of the busiest expert. */
  busiestLoad: number;
  /** Experts that are dead over the steps. */
  deadExperts: number[];
  dropped: number;
}

/** @param layer with the counts of its categories */
export function layerBalance(summary: Layer): LayerBalance {
  const { layer = 0, maxViolation: perStep, dropped = 0 } = summary;
  const counts = layerLoad(summary);
  const busiest = busiestExpert(counts);
  return {
    layer,
    maxViolationBatch: meanOf(perStep ?? undefined),
    highestMaxViolationBatch: perStep?.max ?? Number.NaN,
    maxViolationGlobal: maxViolation(counts),
    coefficientOfVariation: coefficientOfVariation(counts),
    entropy: normalisedEntropy(counts),
    busiestExpert: busiest,
    busiestLoad: relativeLoad(counts)[busiest] ?? Number.NaN,
    deadExperts: deadExperts(counts),
    dropped,
  };
}
