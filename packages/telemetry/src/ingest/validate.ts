// What a collector accepts. Every refusal names the offending value and what is allowed.
import { totalLoad } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { ANNOTATION_LIMITS } from "../store/runs/annotation-table.ts";
import { firstRefusal, firstRepeated, malformed, type Refusal } from "./refusal.ts";
import { checkProbe } from "./validate-probe.ts";

const { Reason } = v1.Rejection;
const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const MAX_EXPERTS = 65_536;

/** Whether a run can be described like this. */
export function checkDescription(run: v1.RunDescription, rank: number): Refusal | undefined {
  if (!RUN_ID.test(run.id)) {
    return malformed(`run id ${quoted(run.id)}: allowed are 1 to 128 letters, digits, ".", "_" and "-"`);
  }
  if (run.experts < 1 || run.experts > MAX_EXPERTS) {
    return malformed(`run ${run.id}: experts ${run.experts}, allowed are 1 to ${MAX_EXPERTS}`);
  }
  if (run.topK < 1 || run.topK > run.experts) {
    return malformed(`run ${run.id}: top_k ${run.topK}, allowed are 1 to ${run.experts}, the number of experts`);
  }
  if (run.moeLayers.some((layer, index) => index > 0 && layer <= run.moeLayers[index - 1]!)) {
    return malformed(`run ${run.id}: moe_layers ${run.moeLayers.join(", ")} must ascend`);
  }
  if (run.moeLayers.length > 0 && run.categories.length === 0) {
    return malformed(`run ${run.id}: categories is empty, at least one name is needed`);
  }
  if (run.ranks < 1 || rank >= run.ranks) {
    return malformed(`run ${run.id}: rank ${rank} of ${run.ranks} ranks, allowed are 0 to ${run.ranks - 1}`);
  }
  return undefined;
}

/** Whether people may have written this on a run. */
export function checkAnnotation({ name, tags, notes }: v1.Annotation): Refusal | undefined {
  const most = ANNOTATION_LIMITS;
  if (name.length > most.name)
    return malformed(`annotation: a name of ${name.length} characters, allowed are ${most.name}`);
  if (tags.length > most.tags) return malformed(`annotation: ${tags.length} tags, allowed are ${most.tags}`);
  const tag = tags.find(({ length }) => length === 0 || length > most.tag);
  if (tag !== undefined) return malformed(`annotation: tag ${quoted(tag)}, allowed are 1 to ${most.tag} characters`);
  if (notes.length <= most.notes) return undefined;
  return malformed(`annotation: notes of ${notes.length} characters, allowed are ${most.notes}`);
}

/** Whether a description sent again tells of the same run: another attempt may change everything but these. */
export function checkSameRun(known: v1.RunDescription, sent: v1.RunDescription): Refusal | undefined {
  const fixed = ["recipe", "strategy", "seed", "moeLayers", "experts", "topK", "categories", "ranks"] as const;
  const changed = fixed.find((field) => JSON.stringify(known[field]) !== JSON.stringify(sent[field]));
  if (changed === undefined) return undefined;
  return {
    reason: Reason.DESCRIPTION_CONFLICT,
    message: `run ${known.id}: ${changed} ${JSON.stringify(sent[changed])}, but it was described before with ${JSON.stringify(known[changed])}; a different run needs a different id`,
  };
}

export function checkStep(step: v1.Step, run: v1.RunDescription): Refusal | undefined {
  if (v1.Split[step.split] === undefined || step.split === v1.Split.SPLIT_UNSPECIFIED) {
    return malformed(`step ${step.step}: split ${step.split}, allowed are TRAIN, EVAL and PROBE`);
  }
  const unsafe = [step.step, step.tokens].find((value) => !Number.isSafeInteger(value));
  if (unsafe !== undefined) return malformed(`step ${step.step}: ${unsafe} is above 2^53 - 1`);
  if (!Number.isFinite(step.time))
    return malformed(`step ${step.step}: time ${step.time} is not a number of milliseconds`);
  const layer = firstRepeated(step.histograms, layerOf);
  if (layer !== undefined) return malformed(`step ${step.step}: layer ${layer} has two histograms, allowed is one`);
  return firstRefusal(step.histograms, (histogram) => checkHistogram(step, histogram, run)) ?? checkProbe(step, run);
}

export function checkEnd(end: v1.RunEnd): Refusal | undefined {
  const known = v1.RunEnd.Outcome[end.outcome] !== undefined && end.outcome !== v1.RunEnd.Outcome.OUTCOME_UNSPECIFIED;
  return known ? undefined : malformed(`outcome ${end.outcome}, allowed are FINISHED, STOPPED and FAILED`);
}

function checkHistogram(step: v1.Step, histogram: v1.RoutingHistogram, run: v1.RunDescription): Refusal | undefined {
  const { layer, categories, selectionBias } = histogram;
  if (!run.moeLayers.includes(layer)) {
    const message = `${placeOf(step, layer)}: the MoE layers are ${run.moeLayers.join(", ")}`;
    return { reason: Reason.UNKNOWN_LAYER, message };
  }
  if (selectionBias.length !== 0 && selectionBias.length !== run.experts) {
    return wrongExperts(`${placeOf(step, layer)}: selection_bias`, selectionBias.length, run);
  }
  const category = firstRepeated(categories, categoryOf);
  if (category !== undefined) {
    return malformed(`${placeOf(step, layer)}: category ${category} appears twice, allowed is once`);
  }
  return firstRefusal(categories, (entry) => checkCategory(step, layer, entry, run));
}

function checkCategory(
  step: v1.Step,
  layer: number,
  entry: v1.CategoryRouting,
  run: v1.RunDescription,
): Refusal | undefined {
  const { category, counts, gateMass, meanProbability, tokens, dropped } = entry;
  if (category >= run.categories.length) {
    const allowed = run.categories.map((name, index) => `${index} (${name})`).join(", ");
    const message = `${placeOf(step, layer)}: category ${category}, allowed are ${allowed}`;
    return { reason: Reason.UNKNOWN_CATEGORY, message };
  }
  const name = run.categories[category];
  if (counts.length !== run.experts) {
    return wrongExperts(`${placeOf(step, layer, name)}: counts`, counts.length, run);
  }
  if (gateMass.length !== 0 && gateMass.length !== run.experts) {
    return wrongExperts(`${placeOf(step, layer, name)}: gate_mass`, gateMass.length, run);
  }
  if (meanProbability.length !== 0 && meanProbability.length !== run.experts) {
    return wrongExperts(`${placeOf(step, layer, name)}: mean_probability`, meanProbability.length, run);
  }
  const assigned = totalLoad(counts);
  if (assigned + dropped === run.topK * tokens) return undefined;
  return {
    reason: Reason.COUNTS_DO_NOT_ADD_UP,
    message: `${placeOf(step, layer, name)}: ${assigned} assigned + ${dropped} dropped, but top_k × tokens is ${run.topK} × ${tokens} = ${run.topK * tokens}`,
  };
}

const layerOf = ({ layer }: v1.RoutingHistogram) => layer;
const categoryOf = ({ category }: v1.CategoryRouting) => category;

/** Words for a refusal, made for that alone: categories are checked by the hundred. */
function placeOf({ step }: v1.Step, layer: number, category?: string): string {
  return `step ${step}, layer ${layer}${category === undefined ? "" : `, category ${category}`}`;
}

function wrongExperts(what: string, length: number, run: v1.RunDescription): Refusal {
  return { reason: Reason.WRONG_EXPERTS, message: `${what} has ${length} values, the run has ${run.experts} experts` };
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 140 ? `${text.slice(0, 140)}…` : text);
}
