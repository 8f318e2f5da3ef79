// What the alert rules measure of a layer over a window of steps, and when what they told of is over.
import { DEAD_BELOW_SHARE, deadExperts, maxViolation, meanLoad, totalLoad } from "@moescope/metrics";
import type { LayerLoad } from "./load-window.ts";

export interface AlertThresholds {
  /** Training steps that collapse, dead experts and drops are measured over. */
  window: number;
  /** Collapse: share of E/k − 1, the most possible MaxVio. */
  collapse: number;
  /** Drops: share of a layer's assignments. */
  dropped: number;
}

/** Hysteresis: what fired above its threshold is over only below this share of it. */
export const OVER_BELOW = 0.75;

/** Hysteresis of dead experts: they live again from this many times the load below which they are dead. */
const ALIVE_FROM = 2;

/** A window with a lower mean load says nothing of dead experts: 1 % of it is less than one assignment. */
const LEAST_MEAN_LOAD = 1 / DEAD_BELOW_SHARE;

/**
 * Assignments of a layer over a window.
 *
 * @param topK experts of each token; 0 where that varies by token
 */
export function assignmentsOf({ load, tokens }: LayerLoad, topK: number): number {
  return topK === 0 ? totalLoad(load) : topK * tokens;
}

/** @returns MaxVio that the window has to exceed; infinite where every token goes to every expert, NaN without tokens */
export function collapseThreshold(layer: LayerLoad, topK: number, share: number): number {
  const ceiling = (layer.load.length * layer.tokens) / assignmentsOf(layer, topK) - 1;
  return ceiling <= 0 ? Number.POSITIVE_INFINITY : share * ceiling;
}

/** @returns MaxVio (global); NaN when nothing was assigned */
export function violationOf({ load }: LayerLoad): number {
  return maxViolation(load);
}

/** @returns share of the assignments that were not carried out; NaN when there were no tokens */
export function droppedShareOf(layer: LayerLoad, topK: number): number {
  return layer.dropped / assignmentsOf(layer, topK);
}

/** Whether there is load enough to tell who is dead. */
export function tellsWhoIsDead({ load }: LayerLoad): boolean {
  return meanLoad(load) >= LEAST_MEAN_LOAD;
}

/** @returns indices of dead experts, as packages/metrics defines them */
export function deadOf({ load }: LayerLoad): number[] {
  return deadExperts(load);
}

/** @returns indices of the experts that are dead or nearly so: a dead one that is not among them lives again */
export function notAliveOf({ load }: LayerLoad): number[] {
  return deadExperts(load, ALIVE_FROM * DEAD_BELOW_SHARE);
}
