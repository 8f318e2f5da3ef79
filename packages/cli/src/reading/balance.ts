// How evenly a run's experts were used over a stretch of steps, layer by layer, from one bucket of its history.

import type { Client } from "@moescope/dashboard/api";
import { lastTenth } from "@moescope/dashboard/figures";
import {
  busiestExpert,
  coefficientOfVariation,
  deadExperts,
  maxViolation,
  normalisedEntropy,
  relativeLoad,
  sumHistograms,
} from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { findAttempt } from "./attempts.ts";
import type { StoredRun } from "./find-run.ts";

export interface LayerBalance {
  layer: number;
  /** MaxVio of single steps: their mean and the highest. */
  maxViolationBatch: number;
  highestMaxViolationBatch: number;
  /** MaxVio of the counts summed over the stretch. */
  maxViolationGlobal: number;
  coefficientOfVariation: number;
  entropy: number;
  busiestExpert: number;
  /** Relative load of the busiest expert. */
  busiestLoad: number;
  /** Experts that are dead over the stretch. */
  deadExperts: number[];
  dropped: number;
}

export interface Balance {
  firstStep: number;
  lastStep: number;
  layers: LayerBalance[];
}

/**
 * Of the last tenth of a run's steps; without layers when none is stored.
 *
 * @param attempt whose steps are meant; of steps that several made, the newest attempt's when absent
 */
export async function balanceAtEnd(client: Client, summary: StoredRun, attempt?: number): Promise<Balance> {
  const { lastStep } = attempt === undefined ? summary : findAttempt(summary, attempt);
  const [from, to] = lastTenth(lastStep);
  const shown = attempt === undefined ? {} : { attempt };
  const history = await client.history({ run: summary.run.id, from, to, points: 1, layers: "all", ...shown });
  return { firstStep: from, lastStep: to, layers: (history.buckets[0]?.layers ?? []).map(layerBalance) };
}

export function layerBalance({ layer, maxViolation: perStep, categories, dropped }: v1.LayerSummary): LayerBalance {
  const counts = sumHistograms(categories.map((load) => load.counts));
  const busiest = busiestExpert(counts);
  return {
    layer,
    maxViolationBatch: perStep ? perStep.sum / perStep.values : Number.NaN,
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
