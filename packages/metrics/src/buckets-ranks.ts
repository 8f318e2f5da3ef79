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
export function addRank(
  message: v1.Step.$Properties,
  others?: StepSum,
  roomFor: RoomFor = (length) => new Float64Array(length),
): StepSum {
  const { run = "", split = 0, rank = 0, step = 0, tokens = 0, time = 0, attempt = 0 } = message;
  const ranks = (others?.ranks ?? 0) + 1;
  const before = others?.bucket;
  const shown = { scalars: new Map(others?.shown.scalars), biases: new Map(others?.shown.biases) };
  const arrival: Arrival = { rank, roomFor, shown, busiest: new Map(others?.busiest) };
  const bucket = {
    ...{ run, split, firstStep: step, lastStep: step, steps: 1 },
    ...{ tokens: Math.max(tokens, before?.tokens ?? 0), time: Math.max(time, before?.time ?? 0), attempt, ranks },
    scalars: merged(before?.scalars ?? [], ascending(message.scalars ?? [], nameOf), nameOf, (sum, scalar) =>
      addScalar(sum, scalar, arrival),
    ),
    layers: merged(before?.layers ?? [], ascending(message.histograms ?? [], layerOf), layerOf, (sum, histogram) =>
      addHistogram(sum, histogram, arrival),
    ),
  } as unknown as v1.StepBucket;
  return { ranks, bucket, busiest: arrival.busiest, shown };
}

/** @returns the busiest expert of each layer, over all categories; of a layer without any category, none */
export function busiestExperts({ layers }: v1.StepBucket): Map<number, number> {
  const loaded = layers.filter(({ countsMax }) => countsMax.length > 0);
  return new Map(loaded.map(({ layer, countsMax }) => [layer, busiestExpert(countsMax)]));
}

/** A rank's message on its way into a sum. */
interface Arrival {
  rank: number;
  roomFor: RoomFor;
  /** Of the new sum, as in StepSum. */
  busiest: Map<number, number>;
  shown: { scalars: Map<string, number>; biases: Map<number, number> };
}

function addScalar(
  sum: v1.ScalarSummary | undefined,
  { name = "", value = 0 }: v1.Scalar.$Properties,
  { rank, shown: { scalars } }: Arrival,
): v1.ScalarSummary {
  const first = sum === undefined || sum.values === 0;
  const shown = !Number.isNaN(value) && (first || rank < (scalars.get(name) ?? 0));
  if (shown) scalars.set(name, rank);
  return sum === undefined ? summaryOf(name, value) : withValue(sum, value, shown);
}

type Histogram = v1.RoutingHistogram.$Properties;
type Routing = v1.CategoryRouting.$Properties;

function addHistogram(before: v1.LayerSummary | undefined, histogram: Histogram, arrival: Arrival): v1.LayerSummary {
  const { layer = 0 } = histogram;
  const sent = ascending(histogram.categories ?? [], categoryOf);
  const categories = merged(before?.categories ?? [], sent, categoryOf, (sum, routing) =>
    addRouting(sum, routing, arrival.roomFor),
  );
  const load = arrival.roomFor(expertsOf(categories));
  putLoad(load, categories);
  const { maxViolation, busiestExpert, deadExperts } = summarizeLoad(load);
  if (load.length > 0) arrival.busiest.set(layer, busiestExpert);
  let [tokens, dropped] = [0, 0];
  for (const category of categories) {
    tokens += category.tokens;
    dropped += category.dropped;
  }
  const { meanProbability, probabilityTokens } = meansOf(before ?? NO_MEANS, histogram, arrival.roomFor);
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
    selectionBias: biasOf(before, histogram, arrival),
    gateMass: gateMassOf(before?.gateMass ?? NONE, histogram, arrival.roomFor),
    meanProbability,
    probabilityTokens,
  } as v1.LayerSummary;
}

function addRouting(sum: v1.CategoryLoad | undefined, sent: Routing, roomFor: RoomFor): v1.CategoryLoad {
  const { category = 0, counts = NONE, tokens = 0, droppedCounts = NONE } = sent;
  const dropped = sent.dropped || totalLoad(droppedCounts);
  if (sum === undefined) return { category, counts, tokens, dropped, droppedCounts } as v1.CategoryLoad;
  return {
    category,
    counts: sumOfNumbers([sum.counts, counts], roomFor),
    tokens: sum.tokens + tokens,
    dropped: sum.dropped + dropped,
    droppedCounts: sumOfNumbers([sum.droppedCounts, droppedCounts], roomFor),
  } as v1.CategoryLoad;
}

/** Ranks use the same bias. Where one says otherwise, or nothing, the lowest rank that sent one is believed. */
function biasOf(before: v1.LayerSummary | undefined, { layer = 0, selectionBias = NONE }: Histogram, to: Arrival) {
  const known = before?.selectionBias ?? NONE;
  if (selectionBias.length === 0) return known;
  if (known.length > 0 && to.rank >= (to.shown.biases.get(layer) ?? 0)) return known;
  to.shown.biases.set(layer, to.rank);
  return selectionBias;
}
