// What is asked of the layers of a step: of one, and of all of them together.
import { contiguousPlacement, type Placement, totalLoad } from "@moescope/metrics";
import type { LayerLoads } from "../../data/run-loads.ts";
import { type Between, droppedBetween, slowdownBetween } from "./between.ts";

/** Asked of one layer's loads; NaN where nothing was assigned. */
export type Question = (loads: LayerLoads) => Between;

/** Share of assignments dropped; of all layers, of all their assignments. */
export function dropQuestion(factor: number): Question {
  return (loads) => scaled(droppedBetween(loads, factor), 1 / totalLoad(loads.mean));
}

/**
 * Busiest rank over the mean, with experts in blocks one after another; of all layers, Σ busiest / Σ mean: layers run one after another,
 * and each waits for its busiest rank.
 *
 * @param ranks a divisor of the experts
 */
export function rankQuestion(ranks: number): Question {
  let placement: Placement = [];
  let placed = 0;
  return (loads) => {
    if (placed !== loads.mean.length) {
      placed = loads.mean.length;
      placement = contiguousPlacement(placed, ranks);
    }
    return slowdownBetween(loads, placement);
  };
}

/** All layers of a step as one: their answers, weighted by their assignments. */
export function together(row: readonly (LayerLoads | undefined)[], question: Question): Between | undefined {
  let [least, most, assignments] = [0, 0, 0];
  for (const loads of row) {
    const total = loads === undefined ? 0 : totalLoad(loads.mean);
    if (loads === undefined || total === 0) continue;
    const between = question(loads);
    least += between.least * total;
    most += between.most * total;
    assignments += total;
  }
  return assignments === 0 ? undefined : { least: least / assignments, most: most / assignments };
}

function scaled({ least, most }: Between, factor: number): Between {
  return { least: least * factor, most: most * factor };
}
