// A run's history by range of steps, reduced to a number of buckets: sums are exact, extremes of single steps are kept.
import { v1 } from "@moescope/proto";
import type { ShownAttempt } from "./attempts.ts";
import { asNumber, asNumbers, DATABASE, type Database } from "./database.ts";

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
  /** Ranks of the run. */
  ranks: number;
  /** Batches after this one do not exist for the answer. */
  committedBatch: number;
}

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
  const width = bucketWidth(request.from, request.to, request.points);
  const selection = { width, where: whereClause(request), parameters: { run: request.run }, request, query };
  const buckets = await stepBuckets(selection);
  await addScalars(selection, buckets);
  const layers = await addLayers(selection, buckets);
  if (request.layers.length > 0) {
    await addCategories(selection, layers);
    await addExtremes(selection, layers);
    await addSelectionBias(selection, layers);
  }
  return new v1.History({
    run: request.run,
    split: request.split,
    bucketWidth: width,
    buckets: [...buckets.values()],
  });
}

interface Selection {
  width: number;
  where: string;
  parameters: { run: string };
  request: HistoryRequest;
  query: Query;
}

async function stepBuckets({
  width,
  where,
  parameters,
  request,
  query,
}: Selection): Promise<Map<number, v1.StepBucket>> {
  const rows = await query(
    `SELECT intDiv(step, ${width}) AS bucket, min(step), max(step), uniqExact(step), max(tokens), max(time), max(attempt)
     FROM ${DATABASE}.steps WHERE ${where} GROUP BY bucket ORDER BY bucket`,
    parameters,
  );
  return new Map(
    rows.map((row) => {
      const [bucket, firstStep, lastStep, steps, tokens, time, attempt] = row.map(asNumber);
      const position = { run: request.run, split: request.split, firstStep: firstStep!, lastStep: lastStep! };
      const sums = { steps: steps!, tokens: tokens!, time: time!, attempt: attempt! };
      return [bucket!, new v1.StepBucket({ ...position, ...sums })];
    }),
  );
}

// One value for each step and rank; among the ranks of a step the lowest is first and last.
async function addScalars(
  { width, where, parameters, query }: Selection,
  buckets: Map<number, v1.StepBucket>,
): Promise<void> {
  const rows = await query(
    `SELECT intDiv(step, ${width}) AS bucket, ${summary("value", "(step, rank)", "(step, -toInt64(rank))")}, name
     FROM (SELECT step, rank, scalar_names, scalar_values FROM ${DATABASE}.steps WHERE ${where})
     ARRAY JOIN scalar_names AS name, scalar_values AS value
     GROUP BY bucket, name ORDER BY bucket, name`,
    parameters,
  );
  for (const [bucket, ...values] of rows) {
    buckets.get(asNumber(bucket))!.scalars.push(scalarSummary(values.at(-1) as string, values));
  }
}

async function addLayers(
  selection: Selection,
  buckets: Map<number, v1.StepBucket>,
): Promise<Map<string, v1.LayerSummary>> {
  const { width, where, parameters, request, query } = selection;
  const columns = ["max_violation", "dead_experts", "tokens", "dropped"];
  // With several ranks a step has one row for each that arrived; the one with the most holds them all.
  const newest = columns.map((column) => `argMax(l.${column}, l.ranks) AS ${column}`).join(", ");
  const source =
    request.ranks > 1
      ? `(SELECT step, layer, ${newest} FROM ${DATABASE}.layers AS l WHERE ${where} GROUP BY step, layer)`
      : `(SELECT step, layer, ${columns.join(", ")} FROM ${DATABASE}.layers WHERE ${where})`;
  const rows = await query(
    `SELECT intDiv(step, ${width}) AS bucket, layer, sum(s.dead_experts), sum(s.tokens), sum(s.dropped),
       ${summary("max_violation", "step", "step")}
     FROM ${source} AS s GROUP BY bucket, layer ORDER BY bucket, layer`,
    parameters,
  );
  const layers = new Map<string, v1.LayerSummary>();
  for (const [bucket, ...values] of rows) {
    const [layer, deadExperts, tokens, dropped] = values.slice(0, 4).map(asNumber);
    const maxViolation = scalarSummary("max_violation", values.slice(4));
    const entry = { layer: layer!, deadExperts: deadExperts!, tokens: tokens!, dropped: dropped!, maxViolation };
    layers.set(layerKey(bucket, layer), new v1.LayerSummary(entry));
    buckets.get(asNumber(bucket))!.layers.push(layers.get(layerKey(bucket, layer))!);
  }
  return layers;
}

async function addCategories(
  { width, where, parameters, request, query }: Selection,
  layers: Map<string, v1.LayerSummary>,
) {
  const rows = await query(
    `SELECT intDiv(step, ${width}) AS bucket, layer, category, sum(r.tokens), sum(r.dropped), sumForEach(r.counts)
     FROM ${DATABASE}.routing AS r WHERE ${where} AND ${layerClause(request)}
     GROUP BY bucket, layer, category ORDER BY bucket, layer, category`,
    parameters,
  );
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

async function addExtremes(
  { width, where, parameters, request, query }: Selection,
  layers: Map<string, v1.LayerSummary>,
) {
  const rows = await query(
    `SELECT intDiv(step, ${width}) AS bucket, layer, minForEach(load), maxForEach(load)
     FROM (SELECT step, layer, sumForEach(r.counts) AS load FROM ${DATABASE}.routing AS r
           WHERE ${where} AND ${layerClause(request)} GROUP BY step, layer)
     GROUP BY bucket, layer`,
    parameters,
  );
  for (const [bucket, layer, min, max] of rows) {
    Object.assign(layers.get(layerKey(bucket, layer))!, { countsMin: asNumbers(min), countsMax: asNumbers(max) });
  }
}

async function addSelectionBias(
  { width, where, parameters, request, query }: Selection,
  layers: Map<string, v1.LayerSummary>,
) {
  const rows = await query(
    `SELECT intDiv(step, ${width}) AS bucket, layer, argMax(l.selection_bias, (step, ranks))
     FROM ${DATABASE}.layers AS l WHERE ${where} AND ${layerClause(request)} GROUP BY bucket, layer`,
    parameters,
  );
  for (const [bucket, layer, bias] of rows) {
    layers.get(layerKey(bucket, layer))!.selectionBias = asNumbers(bias);
  }
}

// Numbers are put into the text, never a string that somebody sent.
function whereClause({ split, from, to, attempts, committedBatch }: HistoryRequest): string {
  const shown = attempts.map((a) => `(attempt = ${a.attempt} AND step >= ${a.from} AND step < ${a.before})`);
  return `run = {run:String} AND split = '${v1.Split[split]}' AND step BETWEEN ${from} AND ${to}
    AND batch <= ${committedBatch} AND (${shown.join(" OR ") || "0"})`;
}

function layerClause({ layers }: HistoryRequest): string {
  return `layer IN (${layers.join(", ")})`;
}

function summary(value: string, firstBy: string, lastBy: string): string {
  const valid = `NOT isNaN(${value})`;
  return `countIf(${valid}), sumIf(${value}, ${valid}), argMinIf(${value}, ${firstBy}, ${valid}), minIf(${value}, ${valid}),
    maxIf(${value}, ${valid}), argMaxIf(${value}, ${lastBy}, ${valid}), countIf(isNaN(${value}))`;
}

function scalarSummary(name: string, row: unknown[]): v1.ScalarSummary {
  const [values, sum, first, min, max, last, nanValues] = row.slice(0, 7).map(asNumber);
  const numbers = { name, values: values!, sum: sum!, nanValues: nanValues! };
  // Without a value ClickHouse answers 0 for the extremes.
  const none = values === 0 ? Number.NaN : undefined;
  const extremes = { first: none ?? first!, min: none ?? min!, max: none ?? max!, last: none ?? last! };
  return new v1.ScalarSummary({ ...numbers, ...extremes });
}

function layerKey(bucket: unknown, layer: unknown): string {
  return `${bucket}/${layer}`;
}
