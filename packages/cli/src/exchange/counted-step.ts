// Counts of one step as files from elsewhere give them, and how a run is made of them.
import { LIMITS, v1 } from "@moescope/proto";
import { Failure } from "../failure.ts";
import type { IncomingRun } from "./incoming-run.ts";

export interface CountedStep {
  step: number;
  split: v1.Split;
  /** By layer, then by category. */
  layers: Map<number, Map<string, CategoryCounts>>;
}

export interface CategoryCounts {
  /** By expert; those beyond the end had nothing. */
  counts: number[];
  dropped: number;
}

export function countsAt({ layers }: CountedStep, layer: number, category: string): CategoryCounts {
  const categories = layers.get(layer) ?? new Map<string, CategoryCounts>();
  layers.set(layer, categories);
  const known = categories.get(category) ?? { counts: [], dropped: 0 };
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
  /** Milliseconds since the Unix epoch, of every step. */
  time: number;
}

/**
 * Reads the files twice: first for the layers, experts and categories, which a run is described with, then to store them.
 *
 * @param ranks for each rank a function that reads its steps from the beginning
 * @throws Failure when the files hold no counts, or counts that cannot be: the first reading finds out, before anything is stored
 */
export async function incomingCounts(
  ranks: readonly (() => AsyncIterable<CountedStep>)[],
  { topK, experts: stated, time }: Shape,
): Promise<IncomingRun> {
  const found = await survey(
    ranks.map((read) => read()),
    topK,
  );
  if (found.layers.length === 0) throw new Failure("There are no counts to import");
  const experts = stated ?? found.experts;
  if (found.experts > experts) throw new Failure(`Expert ${found.experts - 1} has counts, but --experts is ${experts}`);
  if (topK > experts) throw new Failure(`A token goes to ${topK} experts (top-k), but there are ${experts}`);
  const { layers: moeLayers, categories, trainingSteps: plannedSteps } = found;
  const shape = { moeLayers, categories, experts, topK, plannedSteps, startedAt: time };
  const guessed = `${experts} experts, the highest index plus one (--experts says otherwise)`;
  return {
    shape,
    ranks: ranks.map((read) => messages(read(), shape, time)),
    notes: stated === undefined ? [guessed] : [],
  };
}

type RunShape = IncomingRun["shape"];

async function survey(sources: AsyncIterable<CountedStep>[], topK: number) {
  const layers = new Set<number>();
  const categories = new Set<string>();
  const trained = new Set<number>();
  let experts = 0;
  for (const source of sources) {
    for await (const counted of source) {
      if (counted.split === v1.Split.TRAIN) trained.add(counted.step);
      for (const [layer, byCategory] of counted.layers) {
        layers.add(layer);
        for (const [category, counts] of byCategory) {
          categories.add(category);
          experts = Math.max(experts, counts.counts.length);
          refuseUneven(counts, topK, `Step ${counted.step}, layer ${layer}, category ${category}`);
        }
      }
    }
  }
  const ascending = [...layers].sort((a, b) => a - b);
  return { layers: ascending, categories: [...categories], experts, trainingSteps: trained.size };
}

function assignmentsOf({ counts, dropped }: CategoryCounts): number {
  return counts.reduce((sum, count) => sum + count, dropped);
}

/** Largest count that a message holds. */
const MOST = 2 ** 32 - 1;

function refuseUneven(counts: CategoryCounts, topK: number, where: string): void {
  const large = counts.counts.find((count) => count > MOST);
  if (large !== undefined) throw new Failure(`${where}: a count of ${large}; at most ${MOST} are stored`);
  const assignments = assignmentsOf(counts);
  if (assignments % topK === 0) return;
  throw new Failure(`${where}: ${assignments} assignments are no multiple of top-k, ${topK}`);
}

async function* messages(
  source: AsyncIterable<CountedStep>,
  shape: RunShape,
  time: number,
): AsyncGenerator<v1.Step.$Properties> {
  for await (const { step, split, layers } of source) {
    const ascending = [...layers].sort(([a], [b]) => a - b);
    const histograms = ascending.map(([layer, categories]) => {
      return { layer, categories: [...categories].map(([name, counts]) => categoryOf(name, counts, shape)) };
    });
    yield { step, split, time, histograms };
  }
}

function categoryOf(name: string, counts: CategoryCounts, { categories, experts, topK }: RunShape) {
  const all = Array.from({ length: experts }, (_, expert) => counts.counts[expert] ?? 0);
  const tokens = assignmentsOf(counts) / topK;
  return { category: categories.indexOf(name), counts: all, dropped: counts.dropped, tokens };
}
