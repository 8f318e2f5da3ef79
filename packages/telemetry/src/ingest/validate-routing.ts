// What a collector accepts of a histogram. Which rule holds follows from the fields that are set, not from the protocol's version:
// step.proto states them beside CategoryRouting.
import { totalLoad } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { checkWholes, firstRefusal, firstRepeated, LARGEST_WHOLE, listed, malformed, type Refusal } from "./refusal.ts";
import type { RunLayout } from "./run-layout.ts";

const { Reason } = v1.Rejection;

/** Where a histogram is, to be said when it is refused. */
interface Place {
  step: number;
  layer: v1.MoeLayer;
  /** Of the run's categories. */
  names: readonly string[];
}

/** Whether a histogram can be stored. Gate mass, probabilities and biases may be NaN or infinite: a run that diverges is to be seen. */
export function checkHistogram(
  { step }: v1.Step,
  histogram: v1.RoutingHistogram,
  { layers, categories: names }: RunLayout,
): Refusal | undefined {
  const { categories } = histogram;
  const layer = layers.get(histogram.layer);
  if (layer === undefined) return unknownLayer(`step ${step}, layer ${histogram.layer}`, layers);
  const place = { step, layer, names };
  const twice = firstRepeated(categories, categoryOf);
  if (twice !== undefined) return malformed(`${inWords(place)}: category ${twice} appears twice, expected once`);
  return (
    checkLength(place, "selection_bias", histogram.selectionBias) ??
    checkLength(place, "gate_mass", histogram.gateMass) ??
    checkLength(place, "mean_probability", histogram.meanProbability) ??
    firstRefusal(categories, (entry) => checkCategory(place, entry, histogram)) ??
    (layer.expertsChoose && layer.topK > 0 ? checkLayerSum(place, categories) : undefined)
  );
}

export function unknownLayer(where: string, layers: RunLayout["layers"]): Refusal {
  const known = layers.size === 0 ? "the run has no MoE layers" : `the MoE layers are ${listed(layers.keys())}`;
  return { reason: Reason.UNKNOWN_LAYER, message: `${where}: ${known}` };
}

function checkCategory(place: Place, entry: v1.CategoryRouting, ofLayer: v1.RoutingHistogram): Refusal | undefined {
  if (entry.category >= place.names.length) return unknownCategory(place, entry);
  const { counts, gateMass, meanProbability, droppedCounts } = entry;
  if (counts.length !== place.layer.experts) return wrongExperts(place, "counts", counts.length, entry);
  return (
    checkLength(place, "gate_mass", gateMass, entry) ??
    checkLength(place, "mean_probability", meanProbability, entry) ??
    checkLength(place, "dropped_counts", droppedCounts, entry) ??
    checkGivenOnce(place, "gate_mass", gateMass, ofLayer.gateMass, entry) ??
    checkGivenOnce(place, "mean_probability", meanProbability, ofLayer.meanProbability, entry) ??
    checkNumbers(place, entry) ??
    checkDropped(place, entry) ??
    checkSum(place, entry)
  );
}

/** Such arrays have a value for each expert, or are left out. */
function checkLength(
  place: Place,
  what: string,
  { length }: ArrayLike<number>,
  entry?: v1.CategoryRouting,
): Refusal | undefined {
  return length === 0 || length === place.layer.experts ? undefined : wrongExperts(place, what, length, entry);
}

/** Protocol 1 has it for each category, protocol 2 for the layer: with both it would be open which to take. */
function checkGivenOnce(
  place: Place,
  what: string,
  ofCategory: ArrayLike<number>,
  ofLayer: ArrayLike<number>,
  entry: v1.CategoryRouting,
): Refusal | undefined {
  if (ofCategory.length === 0 || ofLayer.length === 0) return undefined;
  return malformed(`${inWords(place, entry)}: ${what} is given for the layer too, expected for one of them`);
}

function checkNumbers(place: Place, entry: v1.CategoryRouting): Refusal | undefined {
  const { tokens, dropped, assignments } = entry;
  // Words cost more than the numbers, of which a step has hundreds.
  if (tokens <= LARGEST_WHOLE && dropped <= LARGEST_WHOLE && assignments <= LARGEST_WHOLE) return undefined;
  return checkWholes(`${inWords(place, entry)}:`, { tokens, dropped, assignments });
}

function checkDropped(place: Place, entry: v1.CategoryRouting): Refusal | undefined {
  const { counts, dropped, droppedCounts } = entry;
  if (droppedCounts.length === 0) return undefined;
  let sum = 0;
  for (let expert = 0; expert < counts.length; expert++) {
    const [of, count] = [droppedCounts[expert]!, counts[expert]!];
    if (of > count) {
      return wrongSum(place, `dropped_counts of expert ${expert} is ${of}, more than its count of ${count}`, entry);
    }
    sum += of;
  }
  if (dropped === 0 || dropped === sum) return undefined;
  return wrongSum(place, `dropped is ${dropped}, but dropped_counts add up to ${sum}`, entry);
}

function checkSum(place: Place, entry: v1.CategoryRouting): Refusal | undefined {
  const { topK, expertsChoose } = place.layer;
  const { counts, tokens, dropped, assignments } = entry;
  const assigned = totalLoad(counts);
  if (assignments !== assigned && (assignments !== 0 || topK === 0)) {
    return wrongSum(place, `assignments is ${assignments}, but counts add up to ${assigned}`, entry);
  }
  const beside = droppedBeside(entry);
  if (topK === 0 && beside > 0) {
    return wrongSum(place, `dropped is ${dropped} without dropped_counts, expected both where top_k is 0`, entry);
  }
  if (topK === 0 || expertsChoose || isProduct(assigned + beside, topK, tokens)) return undefined;
  return notTopK(place, assigned, beside, tokens, entry);
}

/** Where experts choose, a token has top_k of them on average alone. */
function checkLayerSum(place: Place, categories: readonly v1.CategoryRouting[]): Refusal | undefined {
  let [assigned, beside, tokens] = [0, 0, 0];
  for (const entry of categories) {
    assigned += totalLoad(entry.counts);
    beside += droppedBeside(entry);
    tokens += entry.tokens;
  }
  if (isProduct(assigned + beside, place.layer.topK, tokens)) return undefined;
  return notTopK(place, assigned, beside, tokens);
}

/** Protocol 1: dropped assignments that `counts` leaves out. */
function droppedBeside({ dropped, droppedCounts }: v1.CategoryRouting): number {
  return droppedCounts.length === 0 ? dropped : 0;
}

/** A sum or product of whole numbers is exact as long as it is not above the largest. */
function isProduct(total: number, topK: number, tokens: number): boolean {
  return total <= LARGEST_WHOLE && tokens <= LARGEST_WHOLE && total === topK * tokens;
}

const categoryOf = ({ category }: v1.CategoryRouting) => category;

function inWords({ step, layer, names }: Place, entry?: v1.CategoryRouting): string {
  return `step ${step}, layer ${layer.index}${entry === undefined ? "" : `, category ${names[entry.category]}`}`;
}

function unknownCategory(place: Place, { category }: v1.CategoryRouting): Refusal {
  const known = listed(place.names.map((name, index) => `${index} (${name})`));
  const message = `${inWords(place)}: category ${category}, expected one of ${known}`;
  return { reason: Reason.UNKNOWN_CATEGORY, message };
}

function notTopK(place: Place, assigned: number, dropped: number, tokens: number, entry?: v1.CategoryRouting): Refusal {
  const { topK } = place.layer;
  const sum = dropped === 0 ? `${assigned} assigned` : `${assigned} assigned + ${dropped} dropped`;
  const product = BigInt(topK) * BigInt(tokens);
  return wrongSum(place, `${sum}, but top_k × tokens is ${topK} × ${tokens} = ${product}`, entry);
}

function wrongSum(place: Place, what: string, entry?: v1.CategoryRouting): Refusal {
  return { reason: Reason.COUNTS_DO_NOT_ADD_UP, message: `${inWords(place, entry)}: ${what}` };
}

function wrongExperts(place: Place, what: string, length: number, entry?: v1.CategoryRouting): Refusal {
  const message = `${inWords(place, entry)}: ${what} has ${length} values, the layer has ${place.layer.experts} experts`;
  return { reason: Reason.WRONG_EXPERTS, message };
}
