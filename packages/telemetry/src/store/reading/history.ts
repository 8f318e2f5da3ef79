// A run's history by range of steps, reduced to a number of buckets: sums are exact, extremes of single steps are kept.
import { sumHistograms } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import type { Database } from "../engine/database.ts";
import type { AnswerBlock } from "../engine/native-answer.ts";
import { piecesOf, type Sealed, widthsOf } from "../schema/pieces.ts";
import type { ShownAttempt } from "./attempts.ts";
import {
  reducedExtremes,
  reducedGates,
  reducedLayers,
  reducedRouting,
  reducedScalars,
  reducedSteps,
  reducedTotals,
  type Selection,
  SUMMARY,
} from "./reduction.ts";

/** Steps `from`..`to`, both included, of the attempts given. */
export interface HistoryRequest {
  run: string;
  split: v1.Split;
  from: number;
  to: number;
  /** Most buckets wanted. */
  points: number;
  /** Buckets of one step, of which there are at most so many in the range. */
  single?: boolean;
  /** Layers whose categories, extremes, gates and bias are wanted. */
  layers: readonly number[];
  /** No other layers' metrics either. */
  onlyChosen?: boolean;
  /** One load for all categories of a layer, as category 0, in place of one for each. */
  together?: boolean;
  attempts: readonly ShownAttempt[];
  /** Which rollups of an attempt exist. */
  sealed: (attempt: number) => Sealed;
  /** Steps of an attempt before this one are no longer stored one by one: their rollups alone are. */
  singleFrom: (attempt: number) => number;
  /** Ranks of the run. */
  ranks: number;
  /** Condition that is true for rows of batches that exist. */
  exists: string;
}

type Query = (sql: string, parameters: Record<string, string>) => Promise<AnswerBlock[]>;

/** Smallest power of two such that buckets anchored at step 0 cover `from`..`to` with at most `points` of them. */
export function bucketWidth(from: number, to: number, points: number): number {
  let width = 1;
  while (Math.floor(to / width) - Math.floor(from / width) + 1 > points) width *= 2;
  return width;
}

/**
 * @returns buckets that hold steps, ascending. `first_step` and `last_step` are the first and last step present in the bucket.
 */
export async function queryHistory(request: HistoryRequest, database: Database): Promise<v1.History> {
  return reduceHistory(request, (sql, parameters) => database.blocks(sql, parameters));
}

/** `queryHistory`, on the connection that writes. */
export async function queryHistoryForWriter(request: HistoryRequest, database: Database) {
  return reduceHistory(request, (sql, parameters) => database.blocksForWriter(sql, parameters));
}

async function reduceHistory(request: HistoryRequest, query: Query): Promise<v1.History> {
  const finestWidth = finestWidthOf(request);
  const width = request.single
    ? finestWidth
    : Math.max(finestWidth, bucketWidth(request.from, request.to, request.points));
  const once = request.attempts.every(({ attempt }) => request.sealed(attempt).once);
  const selection = { ...request, layers: undefined, bucketWidth: width, pieces: shownPieces(request, width), once };
  const chosen = { ...selection, layers: request.layers };
  const read = (select: string) => query(select, { run: request.run });
  const readChosen = async (select: (selection: Selection) => string) => {
    return request.layers.length === 0 ? [] : read(select(chosen));
  };
  // All at once, the longest first: they wait for different parts of the machine.
  const [layers, extremes, categories, gates, biases, scalars, steps] = await Promise.all([
    request.onlyChosen ? readChosen(LAYERS_WITH_BIASES) : read(LAYERS(selection)),
    // In a bucket of one step the loads are their own extremes.
    width === 1 ? [] : readChosen(EXTREMES),
    readChosen(request.together ? TOTALS : CATEGORIES),
    readChosen(GATES),
    request.onlyChosen ? [] : readChosen(BIASES),
    read(SCALARS(selection)),
    read(STEPS(selection)),
  ]);
  const buckets = stepBuckets(request, steps);
  addScalars(buckets, scalars);
  const detailed = addLayers(buckets, layers, new Set(request.layers));
  addCategories(detailed, categories);
  if (width === 1) addOwnExtremes(detailed);
  else addExtremes(detailed, extremes);
  addGates(detailed, gates);
  addSelectionBias(detailed, request.onlyChosen ? layers : biases);
  return new v1.History({
    run: request.run,
    split: request.split,
    bucketWidth: width,
    finestWidth,
    buckets: [...buckets.values()],
  });
}

/** The narrowest buckets that the steps of a request can be answered in. */
function finestWidthOf({ from, to, attempts, sealed, singleFrom }: HistoryRequest): number {
  const expired = attempts.filter((shown) => {
    return Math.max(from, shown.from) < Math.min(to + 1, shown.before, singleFrom(shown.attempt));
  });
  return expired.reduce((width, { attempt }) => Math.max(width, narrowestOf(sealed(attempt))), 1);
}

function narrowestOf({ exponent }: Sealed): number {
  return widthsOf(exponent)[0]!;
}

function shownPieces({ from, to, attempts, sealed, singleFrom }: HistoryRequest, width: number) {
  let taken = 0;
  return attempts.flatMap(({ attempt, ...shown }) => {
    const [begin, end] = [Math.max(from, shown.from), Math.min(to + 1, shown.before)];
    if (begin >= end) return [];
    // Where steps are not stored one by one, whole rollups are shown: a later attempt begins at the end of one.
    const single = singleFrom(attempt);
    const stages = sealed(attempt);
    const narrowest = narrowestOf(stages);
    const first = Math.max(taken, begin < single ? Math.floor(begin / narrowest) * narrowest : begin);
    const before = end < single ? Math.ceil(end / narrowest) * narrowest : end;
    taken = before;
    return piecesOf(first, before, width, stages).map((piece) => ({ ...piece, attempt }));
  });
}

const STEPS = (selection: Selection) =>
  `SELECT bucket, first_step, last_step, steps, tokens, time, attempt, ranks FROM (${reducedSteps(selection)}) ORDER BY bucket`;

const SCALARS = (selection: Selection) =>
  `SELECT bucket, CAST(name, 'String'), ${SUMMARY.join(", ")} FROM (${reducedScalars(selection)}) ORDER BY bucket, name`;

const METRICS = ["bucket", "layer", "dead_experts", "tokens", "dropped", ...SUMMARY].join(", ");

const LAYERS = (selection: Selection) => `SELECT ${METRICS} FROM (${reducedLayers(selection)}) ORDER BY bucket, layer`;

// In one statement, which biases of one layer have no need of their own for: each takes some milliseconds whatever it reads.
const LAYERS_WITH_BIASES = (selection: Selection) =>
  `SELECT ${METRICS}, selection_bias FROM (${reducedLayers(selection)}) ORDER BY bucket, layer`;

const CATEGORIES = (selection: Selection) =>
  `SELECT bucket, layer, category, tokens, dropped, counts, dropped_counts FROM (${reducedRouting(selection)}) ORDER BY bucket, layer, category`;

const TOTALS = (selection: Selection) =>
  `SELECT bucket, layer, toUInt32(0), tokens, dropped, counts, dropped_counts FROM (${reducedTotals(selection)})`;

const GATES = (selection: Selection) =>
  `SELECT bucket, layer, probability_tokens, gate_mass, mean_probability FROM (${reducedGates(selection)})`;

const EXTREMES = (selection: Selection) =>
  `SELECT bucket, layer, counts_min, counts_max FROM (${reducedExtremes(selection)})`;

const BIASES = (selection: Selection) => `SELECT bucket, layer, selection_bias FROM (${reducedLayers(selection)})`;

type Buckets = Map<number, v1.StepBucket>;
/** By bucket and layer. */
type Layers = Map<string, v1.LayerSummary>;
type Numbers = ArrayLike<number>;

function stepBuckets({ run, split }: HistoryRequest, blocks: readonly AnswerBlock[]): Buckets {
  const buckets: Buckets = new Map();
  for (const { rows, columns } of blocks) {
    const [bucket, firstStep, lastStep, steps, tokens, time, attempt, ranks] = columns as Numbers[];
    for (let row = 0; row < rows; row++) {
      const position = { run, split, firstStep: firstStep![row]!, lastStep: lastStep![row]!, attempt: attempt![row]! };
      const sums = { steps: steps![row]!, tokens: tokens![row]!, time: time![row]!, ranks: ranks![row]! };
      buckets.set(bucket![row]!, new v1.StepBucket({ ...position, ...sums }));
    }
  }
  return buckets;
}

function addScalars(buckets: Buckets, blocks: readonly AnswerBlock[]): void {
  for (const { rows, columns } of blocks) {
    const [bucket, name, ...summary] = columns as [Numbers, string[], ...Numbers[]];
    for (let row = 0; row < rows; row++) {
      buckets.get(bucket[row]!)!.scalars.push(scalarSummary(name[row]!, summary, row));
    }
  }
}

/** @returns the summaries of the chosen layers */
function addLayers(buckets: Buckets, blocks: readonly AnswerBlock[], chosen: ReadonlySet<number>): Layers {
  const layers: Layers = new Map();
  for (const { rows, columns } of blocks) {
    const [bucket, layer, deadExperts, tokens, dropped, ...maxViolation] = columns as Numbers[];
    // Tens of thousands of rows for one view: nothing is made here that does not stay.
    for (let row = 0; row < rows; row++) {
      const summary = new v1.LayerSummary();
      summary.layer = layer![row]!;
      summary.deadExperts = deadExperts![row]!;
      summary.tokens = tokens![row]!;
      summary.dropped = dropped![row]!;
      summary.maxViolation = scalarSummary("max_violation", maxViolation, row);
      buckets.get(bucket![row]!)!.layers.push(summary);
      if (chosen.has(summary.layer)) layers.set(layerKey(bucket![row]!, summary.layer), summary);
    }
  }
  return layers;
}

function addCategories(layers: Layers, blocks: readonly AnswerBlock[]): void {
  for (const { rows, columns } of blocks) {
    const [bucket, layer, category, tokens, dropped] = columns as Numbers[];
    const [counts, droppedCounts] = columns.slice(5) as [number[][], number[][]];
    for (let row = 0; row < rows; row++) {
      const sums = { tokens: tokens![row]!, dropped: dropped![row]! };
      const numbers = { counts: counts[row]!, droppedCounts: droppedCounts[row]! };
      const load = new v1.CategoryLoad({ category: category![row]!, ...sums, ...numbers });
      layers.get(layerKey(bucket![row]!, layer![row]!))!.categories.push(load);
    }
  }
}

function addGates(layers: Layers, blocks: readonly AnswerBlock[]): void {
  for (const { rows, columns } of blocks) {
    const [bucket, layer, tokens] = columns as Numbers[];
    const [gateMass, meanProbability] = columns.slice(3) as number[][][];
    for (let row = 0; row < rows; row++) {
      const summary = layers.get(layerKey(bucket![row]!, layer![row]!))!;
      summary.gateMass = gateMass![row]!;
      summary.meanProbability = meanProbability![row]!;
      summary.probabilityTokens = tokens![row]!;
    }
  }
}

function addExtremes(layers: Layers, blocks: readonly AnswerBlock[]): void {
  for (const { rows, columns } of blocks) {
    const [bucket, layer] = columns as Numbers[];
    const [countsMin, countsMax] = columns.slice(2) as number[][][];
    for (let row = 0; row < rows; row++) {
      const summary = layers.get(layerKey(bucket![row]!, layer![row]!))!;
      Object.assign(summary, { countsMin: countsMin![row]!, countsMax: countsMax![row]! });
    }
  }
}

function addOwnExtremes(layers: Layers): void {
  for (const summary of layers.values()) {
    const loads = summary.categories.map((category) => category.counts!);
    if (loads.length === 0) continue;
    const load = sumHistograms(loads);
    Object.assign(summary, { countsMin: load, countsMax: load });
  }
}

function addSelectionBias(layers: Layers, blocks: readonly AnswerBlock[]): void {
  for (const { rows, columns } of blocks) {
    const [bucket, layer] = columns as Numbers[];
    const biases = columns.at(-1) as number[][];
    for (let row = 0; row < rows; row++) {
      layers.get(layerKey(bucket![row]!, layer![row]!))!.selectionBias = biases[row]!;
    }
  }
}

/** @param columns of a summary, in the order of SUMMARY */
function scalarSummary(name: string, columns: readonly Numbers[], row: number): v1.ScalarSummary {
  const [values, sum, first, min, max, last, nanValues] = columns;
  const summary = new v1.ScalarSummary();
  summary.name = name;
  summary.values = values![row]!;
  summary.sum = sum![row]!;
  // Without a value ClickHouse answers 0 for the extremes.
  const none = summary.values === 0;
  summary.first = none ? Number.NaN : first![row]!;
  summary.min = none ? Number.NaN : min![row]!;
  summary.max = none ? Number.NaN : max![row]!;
  summary.last = none ? Number.NaN : last![row]!;
  summary.nanValues = nanValues![row]!;
  return summary;
}

function layerKey(bucket: number, layer: number): string {
  return `${bucket}/${layer}`;
}
