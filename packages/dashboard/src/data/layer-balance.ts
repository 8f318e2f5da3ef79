// How evenly the experts of a layer were used over a bucket of steps, as numbers; report and command line put them into words.
import {
  busiestExpert,
  coefficientOfVariation,
  deadExperts,
  gateMassPerLoad,
  layerLoad,
  maxViolation,
  normalisedEntropy,
  relativeLoad,
  unheardExperts,
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
  /** What is known of gate mass; undefined where nothing is. */
  gates: GateBalance | undefined;
}

/** How the share of gate mass of each expert compares with its share of load. */
export interface GateBalance {
  /** Experts with load and next to no gate mass over the steps. */
  unheardExperts: number[];
  /** Lowest and highest share of gate mass over share of load, of the experts that have load. */
  lowestPerLoad: number;
  highestPerLoad: number;
}

/** @param layer with the counts of its categories */
export function layerBalance(summary: Layer): LayerBalance {
  const { layer = 0, maxViolation: perStep, dropped = 0, gateMass = [] } = summary;
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
    gates: gateMass.length === counts.length && counts.length > 0 ? gateBalance(gateMass, counts) : undefined,
  };
}

function gateBalance(gateMass: ArrayLike<number>, counts: Float64Array): GateBalance {
  const known = gateMassPerLoad(gateMass, counts).filter((ratio) => !Number.isNaN(ratio));
  return {
    unheardExperts: unheardExperts(gateMass, counts),
    lowestPerLoad: known.length === 0 ? Number.NaN : Math.min(...known),
    highestPerLoad: known.length === 0 ? Number.NaN : Math.max(...known),
  };
}
