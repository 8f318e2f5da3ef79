// How much the experts of a layer are listened to: their share of gate mass, beside their share of load.
import { gateMassPerLoad, unheardExperts } from "@moescope/metrics";
import { formatPercent, formatRatio } from "../../format/number.ts";
import { joinWords, stepRange } from "../../format/sentence.ts";
import type { ExpertMarks, ExpertsModel } from "./experts-model.ts";

interface Pane {
  model: ExpertsModel;
  marks: ExpertMarks;
}

/** Whether the gate mass of the run's experts is known. */
export function hasGates({ gateMass }: Pick<ExpertsModel, "gateMass">): boolean {
  return gateMass.some((value) => !Number.isNaN(value));
}

/** A sentence for each run: the experts with load and next to no gate mass or, without any, how far gate mass is from the load. */
export function importanceSentence(panes: readonly Pane[]): string {
  const sentences = panes.flatMap(({ model, marks: { row } }) => {
    if (row < 0) return [];
    const of = (matrix: Float64Array) => matrix.subarray(row * model.experts, (row + 1) * model.experts);
    const [mass, counts, share] = [of(model.gateMass), of(model.counts), of(model.share)];
    if (!hasGates({ gateMass: mass })) return [];
    const place = `In layer ${model.layer} of ${model.run.label} at ${stepRange(model.firstSteps[row]!, model.lastSteps[row]!)}`;
    const unheard = unheardExperts(mass, counts);
    return [`${place} ${unheard.length > 0 ? unheardText(unheard, share) : spreadText(mass, counts)}.`];
  });
  return sentences.length === 0 ? "No gate mass has arrived at the step cursor." : sentences.join(" ");
}

/** More are counted, not named. */
const MOST_NAMED = 6;

function unheardText(unheard: readonly number[], share: Float64Array): string {
  const load = formatPercent(unheard.reduce((sum, expert) => sum + share[expert]!, 0));
  const one = unheard.length === 1;
  const named = `expert${one ? "" : "s"} ${joinWords(unheard.map(String))}`;
  const who = unheard.length > MOST_NAMED ? `${unheard.length} experts` : named;
  return `${who} ${one ? "gets" : "get"} ${load} of the load and next to no gate mass`;
}

function spreadText(mass: Float64Array, counts: Float64Array): string {
  const ratios = gateMassPerLoad(mass, counts);
  const known = ratios.filter((ratio) => !Number.isNaN(ratio));
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const end = (ratio: number) => `${formatRatio(ratio)} × (expert ${ratios.indexOf(ratio)})`;
  return `an expert's share of gate mass is ${end(low)} to ${end(high)} its share of load`;
}
