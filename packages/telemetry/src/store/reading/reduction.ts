// SELECTs that reduce steps, and rollups of steps, to buckets. History answers with them, and rollups are made of them.
import { v1 } from "@moescope/proto";
import { DATABASE } from "../engine/database.ts";
import type { Piece } from "../schema/pieces.ts";

/** What is reduced; the run's name is the parameter `run` of the query. */
export interface Selection {
  split: v1.Split;
  /** Steps of attempts, as pieces; no step is in two of them. */
  pieces: readonly (Piece & { attempt: number })[];
  /** Steps of a bucket: bucket b holds the steps from b × bucketWidth on. */
  bucketWidth: number;
  /** Layers wanted; all without it. */
  layers?: readonly number[];
  /** Ranks of the run. */
  ranks: number;
  /** Condition that is true for rows of batches that exist. */
  exists: string;
  /** No rollup of these attempts was made twice. */
  once?: boolean;
}

/** Columns: bucket, first_step, last_step, steps, tokens, time (of the last step), attempt (the newest), ranks (of the step with the fewest). */
export function reducedSteps(selection: Selection): string {
  const sources = parts(selection, {
    raw: (where) => `SELECT step AS at, step AS first_step, step AS last_step, 1 AS steps, max(s.tokens) AS tokens,
        max(s.time) AS time, attempt, uniqExact(s.rank) AS ranks
      FROM ${DATABASE}.steps AS s WHERE ${where} GROUP BY step, attempt`,
    rolled: (where) => `SELECT step AS at, first_step, last_step, steps, tokens, time, attempt, ranks
      FROM ${DATABASE}.rolled_steps WHERE ${where} ${newest(selection)}`,
  });
  return `SELECT ${bucketOf(selection)}, min(p.first_step) AS first_step, max(p.last_step) AS last_step, sum(p.steps) AS steps,
      max(p.tokens) AS tokens, argMax(p.time, p.last_step) AS time, max(p.attempt) AS attempt, min(p.ranks) AS ranks
    FROM (${sources}) AS p GROUP BY bucket`;
}

/** Columns: bucket, name, and a summary. One value for each step and rank; of the ranks of a step, the lowest is first and last. */
export function reducedScalars(selection: Selection): string {
  const values = (where: string) =>
    `(SELECT step, rank, scalar_names, scalar_values FROM ${DATABASE}.steps WHERE ${where})
      ARRAY JOIN scalar_names AS name, scalar_values AS value`;
  const valid = "NOT isNaN(value)";
  const ofRanks = `countIf(${valid}) AS value_count, sumIf(value, ${valid}) AS value_sum,
        argMinIf(value, rank, ${valid}) AS value_first, minIf(value, ${valid}) AS value_min, maxIf(value, ${valid}) AS value_max,
        argMinIf(value, rank, ${valid}) AS value_last, countIf(isNaN(value)) AS nan_values`;
  const sources = parts(selection, {
    raw: (where) =>
      selection.ranks > 1
        ? `SELECT step AS at, name, ${ofRanks} FROM ${values(where)} GROUP BY step, name`
        : `SELECT step AS at, name, ${summaryOf("value")} FROM ${values(where)}`,
    rolled: (where) => `SELECT step AS at, name, ${SUMMARY.join(", ")}
      FROM ${DATABASE}.rolled_scalars WHERE ${where} ${newest(selection, "name")}`,
  });
  return `SELECT ${bucketOf(selection)}, p.name AS name, ${SUMMED} FROM (${sources}) AS p GROUP BY bucket, name`;
}

/** Columns: bucket, layer, dead_experts, tokens, dropped, a summary of MaxVio, and selection_bias, the newest. */
export function reducedLayers(selection: Selection): string {
  const columns = ["dead_experts", "tokens", "dropped", "max_violation", "selection_bias"];
  // With several ranks a step has one row for each that arrived; the one with the most holds them all.
  const complete = columns.map((column) => `argMax(l.${column}, l.ranks) AS ${column}`).join(", ");
  const steps = (where: string) =>
    selection.ranks > 1
      ? `SELECT step, layer, ${complete} FROM ${DATABASE}.layers AS l WHERE ${where} GROUP BY step, layer`
      : `SELECT step, layer, ${columns.join(", ")} FROM ${DATABASE}.layers WHERE ${where}`;
  const value = summaryOf("s.max_violation");
  const sources = parts(selection, {
    raw: (where) => `SELECT step AS at, layer, dead_experts, tokens, dropped, ${value}, selection_bias
      FROM (${steps(where)}) AS s`,
    rolled: (where) => `SELECT step AS at, layer, dead_experts, tokens, dropped, ${SUMMARY.join(", ")}, selection_bias
      FROM ${DATABASE}.rolled_layers WHERE ${where} ${newest(selection, "layer")}`,
  });
  return `SELECT ${bucketOf(selection)}, p.layer AS layer, sum(p.dead_experts) AS dead_experts, sum(p.tokens) AS tokens,
      sum(p.dropped) AS dropped, ${SUMMED}, argMax(p.selection_bias, p.at) AS selection_bias
    FROM (${sources}) AS p GROUP BY bucket, layer`;
}

/** Columns: bucket, layer, category, tokens, dropped, counts, dropped_counts. */
export function reducedRouting(selection: Selection): string {
  return summedRouting(selection, "p.layer AS layer, p.category AS category", "layer, category");
}

/** Columns: bucket, layer, tokens, dropped, counts, dropped_counts: of all categories together. */
export function reducedTotals(selection: Selection): string {
  return summedRouting(selection, "p.layer AS layer", "layer");
}

function summedRouting(selection: Selection, key: string, names: string): string {
  const columns = "step AS at, layer, category, tokens, dropped, counts, dropped_counts";
  const sources = parts(selection, {
    raw: (where) => `SELECT ${columns} FROM ${DATABASE}.routing WHERE ${where}`,
    rolled: (where) =>
      `SELECT ${columns} FROM ${DATABASE}.rolled_routing WHERE ${where} ${newest(selection, "layer", "category")}`,
  });
  return `SELECT ${bucketOf(selection)}, ${key}, sum(p.tokens) AS tokens, sum(p.dropped) AS dropped,
      sumForEach(p.counts) AS counts, sumForEach(p.dropped_counts) AS dropped_counts
    FROM (${sources}) AS p GROUP BY bucket, ${names}`;
}

/** Columns: bucket, layer, gate_mass, mean_probability (over tokens), probability_tokens. Empty arrays say that none has any. */
export function reducedGates(selection: Selection): string {
  const sources = parts(selection, {
    raw: (where) => `SELECT step AS at, layer, gate_mass, mean_probability, tokens AS probability_tokens
      FROM ${DATABASE}.gates WHERE ${where}`,
    rolled: (where) => `SELECT step AS at, layer, gate_mass, mean_probability, probability_tokens
      FROM ${DATABASE}.rolled_gates WHERE ${where} ${newest(selection, "layer")}`,
  });
  const weighted = "sumForEach(arrayMap(mean -> mean * p.probability_tokens, p.mean_probability))";
  return `SELECT bucket, layer, gate_mass, all_tokens AS probability_tokens,
      if(all_tokens = 0, [], arrayMap(sum -> sum / all_tokens, weighted)) AS mean_probability
    FROM (
      SELECT ${bucketOf(selection)}, p.layer AS layer, sumForEach(p.gate_mass) AS gate_mass,
        sum(p.probability_tokens) AS all_tokens, ${weighted} AS weighted
      FROM (${sources}) AS p GROUP BY bucket, layer
    )`;
}

/** Columns: bucket, layer, counts_min, counts_max: over steps, of the load of each expert over categories and ranks. */
export function reducedExtremes(selection: Selection): string {
  const sources = parts(selection, {
    raw: (where) => `SELECT step AS at, layer, sumForEach(r.counts) AS counts_min, counts_min AS counts_max
      FROM ${DATABASE}.routing AS r WHERE ${where} GROUP BY step, layer`,
    rolled: (where) => `SELECT step AS at, layer, counts_min, counts_max
      FROM ${DATABASE}.rolled_extremes WHERE ${where} ${newest(selection, "layer")}`,
  });
  return `SELECT ${bucketOf(selection)}, p.layer AS layer, minForEach(p.counts_min) AS counts_min,
      maxForEach(p.counts_max) AS counts_max
    FROM (${sources}) AS p GROUP BY bucket, layer`;
}

/** Columns of a summary of values. */
export const SUMMARY = [
  ...["value_count", "value_sum", "value_first", "value_min", "value_max", "value_last", "nan_values"],
] as const;

/** The summary of one value. */
function summaryOf(value: string): string {
  return `NOT isNaN(${value}) AS value_count, if(isNaN(${value}), 0, ${value}) AS value_sum, ${value} AS value_first,
        ${value} AS value_min, ${value} AS value_max, ${value} AS value_last, isNaN(${value}) AS nan_values`;
}

// The union of steps and rollups has a UInt8 count on one side and a UInt64 on the other; sums are UInt64.
const SUMMED = `sum(p.value_count) AS value_count, sum(p.value_sum) AS value_sum,
      argMinIf(p.value_first, p.at, p.value_count > 0) AS value_first, minIf(p.value_min, p.value_count > 0) AS value_min,
      maxIf(p.value_max, p.value_count > 0) AS value_max, argMaxIf(p.value_last, p.at, p.value_count > 0) AS value_last,
      sum(p.nan_values) AS nan_values`;

function bucketOf({ bucketWidth }: Selection): string {
  return `intDiv(p.at, ${bucketWidth}) AS bucket`;
}

/** Of rollups of the same steps the one with the latest batch counts. */
function newest({ once }: Selection, ...columns: string[]): string {
  // Sorting takes a ninth of the time of a long run's history.
  if (once) return "";
  return `ORDER BY batch DESC LIMIT 1 BY ${["width", "step", "attempt", ...columns].join(", ")}`;
}

/** A SELECT for the steps among the pieces and one for the rollups, with the condition of each, as one. */
function parts(selection: Selection, selects: { raw: (where: string) => string; rolled: (where: string) => string }) {
  const { pieces } = selection;
  const [raw, rolled] = [pieces.filter(({ width }) => width === 1), pieces.filter(({ width }) => width > 1)];
  const sources: string[] = [];
  if (raw.length > 0 || rolled.length === 0) sources.push(selects.raw(where(selection, raw)));
  if (rolled.length > 0) sources.push(selects.rolled(where(selection, rolled)));
  return sources.map((source) => `(${source})`).join(" UNION ALL ");
}

// Numbers are put into the text, never a string that somebody sent.
function where({ split, layers, exists }: Selection, pieces: Selection["pieces"]): string {
  const ranges = pieces.map(({ width, from, before, attempt }) => {
    const range = `attempt = ${attempt} AND step >= ${from} AND step < ${before}`;
    return width === 1 ? `(${range})` : `(width = ${width} AND ${range})`;
  });
  const layer = layers === undefined ? "" : `AND layer IN (${layers.join(", ")})`;
  return `run = {run:String} AND split = '${v1.Split[split]}' ${layer}
        AND ${exists} AND (${ranges.join(" OR ") || "0"})`;
}
