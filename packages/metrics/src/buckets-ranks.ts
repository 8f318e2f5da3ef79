// How the ranks of one step add up: what is stored as the step's metrics, shown live, and kept in the run's summary.
import type { v1 } from "@moescope/proto";
import { gateMassOf, meansOf, NO_MEANS } from "./buckets-gates.ts";
import { expertsOf, putLoad } from "./buckets-layers.ts";
import { declared, NONE, type RoomFor, sumOfNumbers } from "./buckets-numbers.ts";
import { ascending, categoryOf, layerOf, merged, nameOf } from "./buckets-order.ts";
import { summaryOf, withValue } from "./buckets-scalars.ts";
import { summarizeLoad } from "./load-summary.ts";
import { busiestExpert, totalLoad } from "./max-violation.ts";

/** A step of a run, added up over the ranks that have sent it. */
export interface StepSum {
  /** How many ranks those are. */
  ranks: number;
  /** One step wide, with every layer's categories, extremes and bias. */
  bucket: v1.StepBucket;
  /** The expert with the highest load of each layer over all categories; of a layer without any category, none. */
  busiest: ReadonlyMap<number, number>;
  /** Whose values are shown where ranks differ: the lowest rank's that sent one. What is not known came from rank 0. */
  shown: {
    /** By name: a scalar's first and last value. NaN is no value. */
    scalars: ReadonlyMap<string, number>;
    /** By layer: the selection bias. */
    biases: ReadonlyMap<number, number>;
  };
}

/**
 * Adds one rank's message to what the other ranks sent for the same step; in whatever order ranks come, their sum is the same.
 *
 * @param message of a rank that is not among the others; no layer, and no category of a layer, is there twice
 * @param others the sum so far, which stays as it is; absent when this rank is the first
 * @param roomFor memory for numbers of the sum; what is in it does not matter
 * @returns a sum that shares numbers with the message and with the others
 */
export function addRank(message: v1.Step.$Properties, others?: StepSum, roomFor?: RoomFor): StepSum {
  return addRanks([message], others, roomFor);
}

/** `addRank` of several ranks, one after the other, without the sums in between. @param messages at least one */
export function addRanks(
  messages: readonly v1.Step.$Properties[],
  others?: StepSum,
  roomFor: RoomFor = (length) => new Float64Array(length),
): StepSum {
  const { run = "", split = 0, step = 0, attempt = 0 } = messages[0]!;
  const ranks = (others?.ranks ?? 0) + messages.length;
  const before = others?.bucket;
  const shown = { scalars: new Map(others?.shown.scalars), biases: new Map(others?.shown.biases) };
  const arrivals: Arrivals = { roomFor, shown, busiest: new Map(others?.busiest) };
  let [tokens, time, scalars] = [before?.tokens ?? 0, before?.time ?? 0, before?.scalars ?? []];
  for (const message of messages) {
    tokens = Math.max(message.tokens ?? 0, tokens);
    time = Math.max(message.time ?? 0, time);
    scalars = merged(scalars, ascending(message.scalars ?? [], nameOf), nameOf, (sum, scalar) =>
      addScalar(sum, scalar, message.rank ?? 0, shown),
    );
  }
  const bucket = {
    ...{ run, split, firstStep: step, lastStep: step, steps: 1, tokens, time, attempt, ranks, scalars },
    layers: merged(before?.layers ?? [], sentLayers(messages), layerOf, (sum, sent) => addLayer(sum, sent, arrivals)),
  } as unknown as v1.StepBucket;
  return { ranks, bucket, busiest: arrivals.busiest, shown };
}

/** @returns the busiest expert of each layer, over all categories; of a layer without any category, none */
export function busiestExperts({ layers }: v1.StepBucket): Map<number, number> {
  const loaded = layers.filter(({ countsMax }) => countsMax.length > 0);
  return new Map(loaded.map(({ layer, countsMax }) => [layer, busiestExpert(countsMax)]));
}

/** Messages on their way into a sum. */
interface Arrivals {
  roomFor: RoomFor;
  /** Of the new sum, as in StepSum. */
  busiest: Map<number, number>;
  shown: Shown;
}

interface Shown {
  scalars: Map<string, number>;
  biases: Map<number, number>;
}

function addScalar(
  sum: v1.ScalarSummary | undefined,
  { name = "", value = 0 }: v1.Scalar.$Properties,
  rank: number,
  { scalars }: Shown,
): v1.ScalarSummary {
  const first = sum === undefined || sum.values === 0;
  const shown = !Number.isNaN(value) && (first || rank < (scalars.get(name) ?? 0));
  if (shown) scalars.set(name, rank);
  return sum === undefined ? summaryOf(name, value) : withValue(sum, value, shown);
}

type Histogram = v1.RoutingHistogram.$Properties;
type Routing = v1.CategoryRouting.$Properties;

/** What ranks sent of one layer, in the order of the ranks. */
interface SentLayer {
  layer: number;
  histograms: Histogram[];
  /** Of each histogram. */
  ranks: number[];
}

/** In ascending order. */
function sentLayers(messages: readonly v1.Step.$Properties[]): SentLayer[] {
  const layers = new Map<number, SentLayer>();
  for (const { rank = 0, histograms = [] } of messages) {
    for (const histogram of histograms) {
      const layer = histogram.layer ?? 0;
      const sent = layers.get(layer);
      if (sent === undefined) layers.set(layer, { layer, histograms: [histogram], ranks: [rank] });
      else {
        sent.histograms.push(histogram);
        sent.ranks.push(rank);
      }
    }
  }
  return ascending([...layers.values()], layerOf) as SentLayer[];
}

function addLayer(before: v1.LayerSummary | undefined, sent: SentLayer, arrivals: Arrivals): v1.LayerSummary {
  const { layer, histograms } = sent;
  const { roomFor } = arrivals;
  const categories = merged(before?.categories ?? [], sentCategories(histograms), categoryOf, (sum, each) =>
    addRoutings(sum, each, roomFor),
  );
  const load = roomFor(expertsOf(categories));
  putLoad(load, categories);
  const { maxViolation, busiestExpert, deadExperts } = summarizeLoad(load);
  if (load.length > 0) arrivals.busiest.set(layer, busiestExpert);
  let [tokens, dropped] = [0, 0];
  for (const category of categories) {
    tokens += category.tokens;
    dropped += category.dropped;
  }
  const { meanProbability, probabilityTokens } = meansOf(before ?? NO_MEANS, histograms, roomFor);
  // Not by the constructor, here and for summaries, which makes arrays that are not needed: hundreds are made a step.
  return {
    layer,
    maxViolation: summaryOf("max_violation", maxViolation),
    deadExperts,
    tokens,
    dropped,
    categories,
    countsMin: declared(load),
    countsMax: declared(load),
    selectionBias: biasOf(before, sent, arrivals.shown),
    gateMass: gateMassOf(before?.gateMass ?? NONE, histograms, roomFor),
    meanProbability,
    probabilityTokens,
  } as v1.LayerSummary;
}

/** What ranks sent of one category of a layer. */
interface SentCategory {
  category: number;
  routings: Routing[];
}

/** In ascending order. */
function sentCategories(histograms: readonly Histogram[]): readonly SentCategory[] {
  if (histograms.length === 1) {
    const sent = ascending(histograms[0]!.categories ?? [], categoryOf);
    return sent.map((routing) => ({ category: categoryOf(routing), routings: [routing] }));
  }
  const categories = new Map<number, SentCategory>();
  for (const { categories: sent = [] } of histograms) {
    for (const routing of sent) {
      const category = routing.category ?? 0;
      const known = categories.get(category);
      if (known === undefined) categories.set(category, { category, routings: [routing] });
      else known.routings.push(routing);
    }
  }
  return ascending([...categories.values()], categoryOf);
}

function addRoutings(
  sum: v1.CategoryLoad | undefined,
  { category, routings }: SentCategory,
  roomFor: RoomFor,
): v1.CategoryLoad {
  if (sum === undefined && routings.length === 1) return loadOf(routings[0]!);
  let [tokens, dropped] = [sum?.tokens ?? 0, sum?.dropped ?? 0];
  const [counts, droppedCounts] = [[sum?.counts ?? NONE], [sum?.droppedCounts ?? NONE]];
  for (const routing of routings) {
    tokens += routing.tokens ?? 0;
    dropped += routing.dropped || totalLoad(routing.droppedCounts ?? NONE);
    counts.push(routing.counts ?? NONE);
    droppedCounts.push(routing.droppedCounts ?? NONE);
  }
  return {
    category,
    counts: sumOfNumbers(counts, roomFor),
    tokens,
    dropped,
    droppedCounts: sumOfNumbers(droppedCounts, roomFor),
  } as v1.CategoryLoad;
}

/** Nearly always, a run has one rank: what it sent is the sum. */
function loadOf({ category = 0, counts = NONE, tokens = 0, dropped, droppedCounts = NONE }: Routing): v1.CategoryLoad {
  return { category, counts, tokens, dropped: dropped || totalLoad(droppedCounts), droppedCounts } as v1.CategoryLoad;
}

/** Ranks use the same bias. Where one says otherwise, or nothing, the lowest rank that sent one is believed. */
function biasOf(before: v1.LayerSummary | undefined, { layer, histograms, ranks }: SentLayer, { biases }: Shown) {
  let known = before?.selectionBias ?? NONE;
  for (let index = 0; index < histograms.length; index++) {
    const { selectionBias = NONE } = histograms[index]!;
    if (selectionBias.length === 0) continue;
    if (known.length > 0 && ranks[index]! >= (biases.get(layer) ?? 0)) continue;
    biases.set(layer, ranks[index]!);
    known = selectionBias;
  }
  return known;
}
