// Counts of one step as files from elsewhere give them, and how a run is made of them.
import { LIMITS, v1 } from "@moescope/proto";
import { Failure } from "../failure.ts";
import type { IncomingRun } from "./incoming-run.ts";

export interface CountedStep {
  step: number;
  split: v1.Split;
  /** Stretch of the run between restarts; 0 when absent. */
  attempt?: number;
  /** Milliseconds since the Unix epoch; that of the file when absent. */
  time?: number;
  /** By layer, then by category. */
  layers: Map<number, Map<string, CategoryCounts>>;
  /** By layer, then by expert; a layer without one has none. */
  selectionBias?: Map<number, number[]>;
}

export interface CategoryCounts {
  /** By expert, those that were dropped included; experts beyond the end had nothing. */
  counts: number[];
  /** Those of `counts` that were dropped; empty when none was, or when it is not known whose they were. */
  dropped: number[];
  /** Absent: no assignment is missing from top-k times as many. */
  tokens?: number;
  /** Assignments that are missing were dropped, and it is not known of which expert. */
  droppedBeside?: boolean;
}

export function countsAt({ layers }: CountedStep, layer: number, category: string): CategoryCounts {
  const categories = layers.get(layer) ?? new Map<string, CategoryCounts>();
  layers.set(layer, categories);
  const known = categories.get(category) ?? { counts: [], dropped: [] };
  categories.set(category, known);
  return known;
}

/** @throws Failure for an expert that no collector takes: work is never proportional to an index */
export function addCount({ counts }: Pick<CategoryCounts, "counts">, expert: number, count: number): void {
  if (expert >= LIMITS.experts.most)
    throw new Failure(`There is an expert ${expert}; a layer has at most ${LIMITS.experts.most}`);
  while (counts.length <= expert) counts.push(0);
  counts[expert]! += count;
}

/** @param first index of the expert that the first count is of */
export function addCounts(counts: number[], first: number, added: readonly number[]): void {
  for (const [place, count] of added.entries()) addCount({ counts }, first + place, count);
}

/** What the user knows of the run and the files do not say. */
export interface Shape {
  topK: number;
  /** Absent: the highest index of an expert, plus one. */
  experts?: number;
  /** Milliseconds since the Unix epoch, of every step that does not say its own. */
  time: number;
}

/**
 * Reads the files twice: first for the layers, experts and categories, which a run is described with, then to store them.
 *
 * @param read the steps from the beginning
 * @throws Failure when the files hold no counts, or counts that cannot be: the first reading finds out, before anything is stored
 */
export async function incomingCounts(
  read: () => AsyncIterable<CountedStep>,
  { topK, experts: stated, time }: Shape,
): Promise<IncomingRun> {
  const found = await survey(read(), topK);
  if (found.layers.length === 0) throw new Failure("There are no counts to import");
  const experts = stated ?? found.experts;
  if (found.experts > experts) throw new Failure(`Expert ${found.experts - 1} has counts, but --experts is ${experts}`);
  if (topK > experts) throw new Failure(`A token goes to ${topK} experts (top-k), but there are ${experts}`);
  const { layers: moeLayers, categories, trainingSteps: plannedSteps, firstTime: startedAt = time } = found;
  const biases = found.fewestBiases;
  if (biases !== undefined && biases.given < experts)
    throw new Failure(
      `${biases.where}: ${biases.given} of ${experts} experts have a selection_bias; give it for all or none`,
    );
  refuseBeyond(experts * moeLayers.length, LIMITS.allExperts);
  const shape = { moeLayers, categories, experts, topK, plannedSteps, startedAt };
  const guessed = `${experts} experts, the highest index plus one (--experts says otherwise)`;
  return { shape, steps: messages(read(), shape, time), notes: stated === undefined ? [guessed] : [] };
}

type RunShape = IncomingRun["shape"];

async function survey(source: AsyncIterable<CountedStep>, topK: number) {
  const layers = new Set<number>();
  const categories = new Set<string>();
  let [experts, tokens, trainingSteps] = [0, 0, 0];
  let firstTime: number | undefined;
  let fewestBiases: { given: number; where: string } | undefined;
  for await (const counted of source) {
    const { step, split, time = firstTime } = counted;
    if (split === v1.Split.TRAIN) trainingSteps++;
    firstTime = time === undefined ? undefined : Math.min(time, firstTime ?? time);
    for (const [layer, byCategory] of counted.layers) {
      if (layer > MOST_IN_MESSAGE)
        throw new Failure(`Step ${step}: a layer ${layer}; at most ${MOST_IN_MESSAGE} is allowed`);
      layers.add(layer);
      for (const [category, counts] of byCategory) {
        categories.add(category);
        experts = Math.max(experts, counts.counts.length);
        tokens += checkedTokens(counts, topK, `Step ${step}, layer ${layer}, category ${category}`);
      }
    }
    for (const [layer, biases] of counted.selectionBias ?? []) {
      const given = biases.filter(() => true).length; // what was never set is a hole
      if (given < (fewestBiases?.given ?? Infinity)) fewestBiases = { given, where: `Step ${step}, layer ${layer}` };
    }
    refuseBeyond(layers.size, LIMITS.layers);
    refuseBeyond(categories.size, LIMITS.categories);
    if (!Number.isSafeInteger(tokens))
      throw new Failure(`Up to step ${step} there are ${tokens} tokens in all layers; at most 2^53 - 1 are counted`);
  }
  const ascending = [...layers].sort((a, b) => a - b);
  return { layers: ascending, categories: [...categories], experts, trainingSteps, firstTime, fewestBiases };
}

function refuseBeyond(count: number, { most, of }: (typeof LIMITS)[keyof typeof LIMITS]): void {
  if (count > most)
    throw new Failure(`There are ${count} ${of.replaceAll("`", "")}; a collector takes at most ${most}`);
}

/** Largest count, and largest index of a layer, that a message holds. */
export const MOST_IN_MESSAGE = 2 ** 32 - 1;

/** @throws Failure where the numbers cannot be */
function checkedTokens(counts: CategoryCounts, topK: number, where: string): number {
  const large = counts.counts.find((count) => count > MOST_IN_MESSAGE);
  if (large !== undefined) throw new Failure(`${where}: a count of ${large}; at most ${MOST_IN_MESSAGE} are stored`);
  const assignments = sumOf(counts.counts);
  const { tokens = assignments / topK } = counts;
  if (!Number.isInteger(tokens))
    throw new Failure(`${where}: ${assignments} assignments are no multiple of top-k, ${topK}`);
  const missing = topK * tokens - assignments;
  if (missing === 0 || (missing > 0 && counts.droppedBeside && counts.dropped.length === 0)) return tokens;
  throw new Failure(
    `${where}: ${assignments} assignments of ${tokens} tokens are not top-k × tokens, ${topK} × ${tokens}; a count includes what was dropped, and every token has the same number of experts`,
  );
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

async function* messages(
  source: AsyncIterable<CountedStep>,
  shape: RunShape,
  timeOfFile: number,
): AsyncGenerator<v1.Step.$Properties> {
  for await (const { step, split, attempt = 0, time = timeOfFile, layers, selectionBias } of source) {
    const ascending = [...layers].sort(([a], [b]) => a - b);
    const histograms = ascending.map(([layer, categories]) => {
      const ofCategories = [...categories].map(([name, counts]) => categoryOf(name, counts, shape));
      return { layer, categories: ofCategories, selectionBias: selectionBias?.get(layer) ?? [] };
    });
    yield { step, split, attempt, time, histograms };
  }
}

function categoryOf(name: string, given: CategoryCounts, { categories, experts, topK }: RunShape) {
  const ofEveryExpert = (numbers: readonly number[]) => Array.from({ length: experts }, (_, at) => numbers[at] ?? 0);
  const assignments = sumOf(given.counts);
  const { tokens = assignments / topK } = given;
  const load = { category: categories.indexOf(name), counts: ofEveryExpert(given.counts), tokens };
  if (given.dropped.length > 0) return { ...load, droppedCounts: ofEveryExpert(given.dropped) };
  return { ...load, dropped: topK * tokens - assignments };
}
