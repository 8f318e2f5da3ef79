// Messages for tests: a run whose counts follow from a formula, so that a test can work out every answer.
import { deadExperts, maxViolation, sumBuckets, sumHistograms } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import type { Bucket } from "../data/bucket.ts";
import type { ChosenRun } from "../data/chosen-runs.ts";

export interface SyntheticOptions {
  id?: string;
  strategy?: string;
  layers?: number[];
  experts?: number;
  /** Load of an expert in a step, before its share of each category. */
  load?: (step: number, layer: number, expert: number) => number;
  loss?: (step: number) => number;
  startedAt?: number;
}

const CATEGORIES = ["code", "docs", "maths"];

export function syntheticRun(options: SyntheticOptions = {}): v1.RunDescription.$Properties {
  const { id = "r", strategy = "auxiliary-loss", layers = [0, 1], experts = 4, startedAt = 0 } = options;
  return {
    id,
    name: `${id} name`,
    strategy,
    seed: 7,
    moeLayers: layers,
    experts,
    topK: 2,
    categories: CATEGORIES,
    ranks: 1,
    startedAt,
    plannedSteps: 100,
  };
}

/** One step as the collector would send it live: a bucket one step wide. */
export function syntheticStep(step: number, options: SyntheticOptions = {}): Bucket {
  const { id = "r", layers = [0, 1], loss = (at) => 4 / (1 + at), startedAt = 0 } = options;
  const value = loss(step);
  return v1.StepBucket.decode(
    v1.StepBucket.encode({
      run: id,
      split: v1.Split.TRAIN,
      firstStep: step,
      lastStep: step,
      steps: 1,
      tokens: (step + 1) * 1000,
      time: startedAt + (step + 1) * 500,
      scalars: [scalar("loss", value)],
      layers: layers.map((layer) => layerOfStep(step, layer, options)),
    }).finish(),
  );
}

function layerOfStep(step: number, layer: number, options: SyntheticOptions): v1.LayerSummary.$Properties {
  const { experts = 4, load = (at, inLayer, expert) => 60 + 6 * ((at + expert + inLayer) % experts) } = options;
  const loads = Array.from({ length: experts }, (_, expert) => load(step, layer, expert));
  const categories = CATEGORIES.map((_, category) => {
    const counts = loads.map((count, expert) => Math.round((count * (1 + ((expert + category) % 3))) / 6));
    return { category, counts, tokens: counts.reduce((sum, count) => sum + count, 0) / 2, dropped: 0 };
  });
  const counts = [...sumHistograms(categories.map((each) => each.counts))];
  return {
    layer,
    maxViolation: scalar("", maxViolation(counts)),
    deadExperts: deadExperts(counts).length,
    tokens: counts.reduce((sum, count) => sum + count, 0) / 2,
    categories,
    countsMin: counts,
    countsMax: counts,
  };
}

function scalar(name: string, value: number): v1.ScalarSummary.$Properties {
  if (Number.isNaN(value)) return { name, nanValues: 1 };
  return { name, values: 1, sum: value, first: value, min: value, max: value, last: value };
}

/** Steps 0 … count − 1 in buckets of `width`, by adding them up one by one. */
export function syntheticBuckets(count: number, options: SyntheticOptions = {}, width = 1): Bucket[] {
  const steps = Array.from({ length: count }, (_, step) => syntheticStep(step, options));
  const slots = Array.from({ length: Math.ceil(count / width) }, (_, slot) => slot * width);
  return slots.map((from) => sumBuckets(steps.slice(from, from + width))!);
}

export function syntheticSummary(
  count: number,
  options: SyntheticOptions = {},
  state = v1.RunSummary.State.LIVE,
): v1.RunSummary.$Properties {
  const last = syntheticStep(count - 1, options);
  const layers = last.layers ?? [];
  const worst = layers.reduce((a, b) => ((a.maxViolation?.last ?? 0) >= (b.maxViolation?.last ?? 0) ? a : b));
  return {
    run: syntheticRun(options),
    state,
    lastStep: count - 1,
    steps: count,
    tokens: count * 1000,
    lastMessageAt: last.time ?? 0,
    loss: last.scalars?.[0]?.last ?? Number.NaN,
    maxViolation: layers.reduce((sum, layer) => sum + (layer.maxViolation?.last ?? 0), 0) / layers.length,
    worstLayer: worst.layer ?? 0,
    worstExpert: 0,
    worstMaxViolation: worst.maxViolation?.last ?? 0,
  };
}

export function syntheticChosen(options: SyntheticOptions = {}, count = 1): ChosenRun {
  const run = syntheticRun(options);
  return { id: run.id ?? "", run, summary: syntheticSummary(count, options), colour: 0, label: run.strategy ?? "" };
}
