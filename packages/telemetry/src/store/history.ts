// A run's history by range of steps, reduced to a number of buckets: sums are exact, extremes of single steps are kept.
import { v1 } from "@moescope/proto";
import type { ShownAttempt } from "./attempts.ts";
import { asNumber, asNumbers, type Database } from "./database.ts";
import { piecesOf, WIDTHS } from "./pieces.ts";
import {
  reducedExtremes,
  reducedLayers,
  reducedRouting,
  reducedScalars,
  reducedSteps,
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
  /** Layers whose categories, extremes and bias are wanted. */
  layers: readonly number[];
  attempts: readonly ShownAttempt[];
  /** Every rollup of an attempt that ends at or before this step exists. */
  sealed: (attempt: number) => number;
  /** Steps of an attempt before this one are no longer stored one by one: their rollups alone are. */
  singleFrom: (attempt: number) => number;
  /** Ranks of the run. */
  ranks: number;
  /** Condition that is true for rows of batches that exist. */
  exists: string;
}

/** Of rollups, in steps. */
const NARROWEST = WIDTHS[0]!;

type Query = (sql: string, parameters: Record<string, string>) => Promise<unknown[][]>;

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
  return reduceHistory(request, (sql, parameters) => database.rows(sql, parameters));
}

/** `queryHistory`, on the connection that writes. */
export async function queryHistoryForWriter(request: HistoryRequest, database: Database) {
  return reduceHistory(request, (sql, parameters) => database.rowsForWriter(sql, parameters));
}

async function reduceHistory(request: HistoryRequest, query: Query): Promise<v1.History> {
  const finestWidth = finestWidthOf(request);
  const width = Math.max(finestWidth, bucketWidth(request.from, request.to, request.points));
  const selection = { ...request, layers: undefined, bucketWidth: width, pieces: shownPieces(request, width) };
  const chosen = { ...selection, layers: request.layers };
  const read = (select: string) => query(select, { run: request.run });
  const readChosen = async (select: (selection: Selection) => string) => {
    return request.layers.length === 0 ? [] : read(select(chosen));
  };
  // All at once, the longest first: they wait for different parts of the machine.
  const [layers, extremes, categories, biases, scalars, steps] = await Promise.all([
    read(LAYERS(selection)),
    readChosen(EXTREMES),
    readChosen(CATEGORIES),
    readChosen(BIASES),
    read(SCALARS(selection)),
    read(STEPS(selection)),
  ]);
  const buckets = stepBuckets(request, steps);
  addScalars(buckets, scalars);
  const detailed = addLayers(buckets, layers, new Set(request.layers));
  addCategories(detailed, categories);
  addExtremes(detailed, extremes);
  addSelectionBias(detailed, biases);
  return new v1.History({
    run: request.run,
    split: request.split,
    bucketWidth: width,
    finestWidth,
    buckets: [...buckets.values()],
  });
}

/** The narrowest buckets that the steps of a request can be answered in. */
function finestWidthOf({ from, to, attempts, singleFrom }: HistoryRequest): number {
  const expired = attempts.some((shown) => {
    return Math.max(from, shown.from) < Math.min(to + 1, shown.before, singleFrom(shown.attempt));
  });
  return expired ? NARROWEST : 1;
}

function shownPieces({ from, to, attempts, sealed, singleFrom }: HistoryRequest, width: number) {
  let taken = 0;
  return attempts.flatMap(({ attempt, ...shown }) => {
    const [begin, end] = [Math.max(from, shown.from), Math.min(to + 1, shown.before)];
    if (begin >= end) return [];
    // Where steps are not stored one by one, whole rollups are shown: a later attempt begins at the end of one.
    const single = singleFrom(attempt);
    const first = Math.max(taken, begin < single ? Math.floor(begin / NARROWEST) * NARROWEST : begin);
    const before = end < single ? Math.ceil(end / NARROWEST) * NARROWEST : end;
    taken = before;
    return piecesOf(first, before, width, sealed(attempt)).map((piece) => ({ ...piece, attempt }));
  });
}

const STEPS = (selection: Selection) =>
  `SELECT bucket, first_step, last_step, steps, tokens, time, attempt, ranks FROM (${reducedSteps(selection)}) ORDER BY bucket`;

const SCALARS = (selection: Selection) =>
  `SELECT bucket, name, ${SUMMARY.join(", ")} FROM (${reducedScalars(selection)}) ORDER BY bucket, name`;

const LAYERS = (selection: Selection) =>
  `SELECT bucket, layer, dead_experts, tokens, dropped, ${SUMMARY.join(", ")}
   FROM (${reducedLayers(selection)}) ORDER BY bucket, layer`;

const CATEGORIES = (selection: Selection) =>
  `SELECT bucket, layer, category, tokens, dropped, counts FROM (${reducedRouting(selection)}) ORDER BY bucket, layer, category`;

const EXTREMES = (selection: Selection) =>
  `SELECT bucket, layer, counts_min, counts_max FROM (${reducedExtremes(selection)})`;

const BIASES = (selection: Selection) => `SELECT bucket, layer, selection_bias FROM (${reducedLayers(selection)})`;

type Rows = readonly (readonly unknown[])[];
type Buckets = Map<number, v1.StepBucket>;
/** By bucket and layer. */
type Layers = Map<string, v1.LayerSummary>;

function stepBuckets({ run, split }: HistoryRequest, rows: Rows): Buckets {
  return new Map(
    rows.map((row) => {
      const [bucket, firstStep, lastStep, steps, tokens, time, attempt, ranks] = row.map(asNumber);
      const position = { run, split, firstStep: firstStep!, lastStep: lastStep! };
      const sums = { steps: steps!, tokens: tokens!, time: time!, attempt: attempt!, ranks: ranks! };
      return [bucket!, new v1.StepBucket({ ...position, ...sums })];
    }),
  );
}

function addScalars(buckets: Buckets, rows: Rows): void {
  for (const row of rows) {
    buckets.get(asNumber(row[0]))!.scalars.push(scalarSummary(row[1] as string, row, 2));
  }
}

/** @returns the summaries of the chosen layers */
function addLayers(buckets: Buckets, rows: Rows, chosen: ReadonlySet<number>): Layers {
  const layers: Layers = new Map();
  // Tens of thousands of rows for one view: nothing is made here that does not stay.
  for (const row of rows) {
    const [bucket, layer] = [asNumber(row[0]), asNumber(row[1])];
    const summary = new v1.LayerSummary();
    summary.layer = layer;
    summary.deadExperts = asNumber(row[2]);
    summary.tokens = asNumber(row[3]);
    summary.dropped = asNumber(row[4]);
    summary.maxViolation = scalarSummary("max_violation", row, 5);
    if (chosen.has(layer)) layers.set(layerKey(bucket, layer), summary);
    buckets.get(bucket)!.layers.push(summary);
  }
  return layers;
}

function addCategories(layers: Layers, rows: Rows): void {
  for (const [bucket, layer, category, tokens, dropped, counts] of rows) {
    layers.get(layerKey(bucket, layer))!.categories.push(
      new v1.CategoryLoad({
        category: asNumber(category),
        tokens: asNumber(tokens),
        dropped: asNumber(dropped),
        counts: asNumbers(counts),
      }),
    );
  }
}

function addExtremes(layers: Layers, rows: Rows): void {
  for (const [bucket, layer, min, max] of rows) {
    Object.assign(layers.get(layerKey(bucket, layer))!, { countsMin: asNumbers(min), countsMax: asNumbers(max) });
  }
}

function addSelectionBias(layers: Layers, rows: Rows): void {
  for (const [bucket, layer, bias] of rows) {
    layers.get(layerKey(bucket, layer))!.selectionBias = asNumbers(bias);
  }
}

/** @param at position in the row of the first column of the summary */
function scalarSummary(name: string, row: readonly unknown[], at: number): v1.ScalarSummary {
  const summary = new v1.ScalarSummary();
  summary.name = name;
  summary.values = asNumber(row[at]);
  summary.sum = asNumber(row[at + 1]);
  // Without a value ClickHouse answers 0 for the extremes.
  const extreme = (offset: number) => (summary.values === 0 ? Number.NaN : asNumber(row[at + offset]));
  summary.first = extreme(2);
  summary.min = extreme(3);
  summary.max = extreme(4);
  summary.last = extreme(5);
  summary.nanValues = asNumber(row[at + 6]);
  return summary;
}

function layerKey(bucket: unknown, layer: unknown): string {
  return `${bucket}/${layer}`;
}
