// What is asked of the layers of a step: of one, and of all of them together.
import { contiguousPlacement, type Placement, totalLoad } from "@moescope/metrics";
import type { LayerLoads } from "../../data/run-loads.ts";
import { type Between, droppedBetween, slowdownBetween } from "./between.ts";

/** Asked of one layer's loads; NaN where nothing was assigned. */
export type Question = (loads: LayerLoads) => Between;

/** While a run goes on the same is asked of hundreds of loads again and again: the answers for one setting of the slider are kept. */
function answeredOnce(ask: (setting: number) => Question): (setting: number) => Question {
  let last: { setting: number; question: Question } | undefined;
  return (setting) => {
    if (last?.setting === setting) return last.question;
    const answers = new WeakMap<LayerLoads, Between>();
    const answer = ask(setting);
    const question = (loads: LayerLoads) => {
      const known = answers.get(loads) ?? answer(loads);
      answers.set(loads, known);
      return known;
    };
    last = { setting, question };
    return question;
  };
}

/** Share of assignments dropped at a capacity factor; of all layers, of all their assignments. */
export const dropQuestion = answeredOnce(
  (factor) => (loads) => scaled(droppedBetween(loads, factor), 1 / totalLoad(loads.mean)),
);

/**
 * Busiest rank over the mean, with experts in blocks one after another; of all layers, Σ busiest / Σ mean: layers run one after another,
 * and each waits for its busiest rank. The setting, ranks, is a divisor of the experts.
 */
export const rankQuestion = answeredOnce((ranks) => {
  let placement: Placement = [];
  let placed = 0;
  return (loads) => {
    if (placed !== loads.mean.length) {
      placed = loads.mean.length;
      placement = contiguousPlacement(placed, ranks);
    }
    return slowdownBetween(loads, placement);
  };
});

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
