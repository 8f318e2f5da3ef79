// The rows of one batch, table by table.
import { METRICS_VERSION } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import type { Block } from "./database.ts";
import { type Cell, type Columns, nativeBlock } from "./native.ts";
import type { BatchTable } from "./schema.ts";
import type { Seal } from "./sealing.ts";
import { busiestOfLayer, type StepSum } from "./step-sum.ts";

/** What one batch stores: the messages of any number of streams, and how far it brings each stream. */
export interface BatchContent {
  steps: { message: v1.Step; sum: StepSum }[];
  ends: v1.RunEnd[];
  streams: StreamMark[];
}

/** Everything up to `sequence` of a stream is stored, or was rejected. */
export interface StreamMark {
  run: string;
  rank: number;
  attempt: number;
  sequence: number;
  /** Messages rejected in this batch. */
  rejected: number;
  /** Milliseconds since the Unix epoch. */
  lastMessageAt: number;
}

/** Rows of one table. */
export interface TableRows {
  columns: Columns;
  rows: Cell[][];
}

const POSITION: Columns = { run: "String", split: "Split", step: "UInt64", attempt: "UInt32", batch: "UInt64" };

const COLUMNS: Record<BatchTable, Columns> = {
  routing: {
    ...POSITION,
    ...{ layer: "UInt32", category: "UInt32", rank: "UInt32", tokens: "UInt64", dropped: "UInt64" },
    ...{ counts: "Array(UInt32)", gate_mass: "Array(Float32)", mean_probability: "Array(Float32)" },
  },
  layers: {
    ...POSITION,
    ...{ layer: "UInt32", ranks: "UInt32", max_violation: "Float64", busiest_expert: "UInt32", dead_experts: "UInt32" },
    ...{ tokens: "UInt64", dropped: "UInt64", metrics_version: "UInt32", selection_bias: "Array(Float32)" },
  },
  attention: {
    ...POSITION,
    ...{ rank: "UInt32", layer: "UInt32", head: "Int32", token_class: "Array(String)", share: "Array(Float32)" },
  },
  heads: {
    ...POSITION,
    ...{ rank: "UInt32", layer: "UInt32", head: "UInt32", previous_token: "Float32", first_token: "Float32" },
    ...{ induction: "Float32", local: "Float32", broad: "Float32" },
  },
  saturation: {
    ...POSITION,
    ...{ rank: "UInt32", layer: "UInt32", earlier_step: "Array(UInt64)", share: "Array(Float32)" },
  },
  steps: {
    ...POSITION,
    ...{ rank: "UInt32", sequence: "UInt64", tokens: "UInt64", time: "Float64" },
    ...{ scalar_names: "Array(String)", scalar_values: "Array(Float64)" },
  },
  ends: {
    ...{ run: "String", attempt: "UInt32", rank: "UInt32", batch: "UInt64", sequence: "UInt64" },
    ...{ outcome: "Outcome", reason: "String", ended_at: "Float64" },
  },
};

const STREAM_COLUMNS: Columns = {
  ...{ run: "String", rank: "UInt32", attempt: "UInt32", batch: "UInt64" },
  ...{ sequence: "UInt64", rejected: "UInt64", last_message_at: "Float64" },
};

/** Rows as they are inserted. */
export function blockOf({ columns, rows }: TableRows): Block {
  return {
    columns: Object.keys(columns),
    rows: rows.length,
    bytes: rows.length === 0 ? [] : nativeBlock(columns, rows),
  };
}

/** Rows of every table of a batch except `streams`. */
export function batchRows(batch: number, content: BatchContent): Record<BatchTable, TableRows> {
  const tables = Object.fromEntries(
    Object.entries(COLUMNS).map(([table, columns]) => [table, { columns, rows: [] as Cell[][] }]),
  ) as Record<BatchTable, TableRows>;
  for (const { message, sum } of content.steps) addStep(tables, batch, message, sum);
  for (const table of [tables.routing, tables.layers]) table.rows = layerByLayer(table);
  for (const { run, attempt, rank, sequence, outcome, reason, endedAt } of content.ends) {
    tables.ends.rows.push([run, attempt, rank, batch, sequence, outcome, reason, endedAt]);
  }
  return tables;
}

/** Rows of `sealed`. */
export function sealRows(batch: number, seals: readonly Seal[]): TableRows {
  return {
    columns: { run: "String", split: "Split", attempt: "UInt32", batch: "UInt64", until: "UInt64" },
    rows: seals.map(({ run, split, attempt, until }) => [run, split, attempt, batch, until]),
  };
}

/** In the order of the table, mostly: the engine then has no arrays to move. */
function layerByLayer({ columns, rows }: TableRows): Cell[][] {
  const index = Object.keys(columns).indexOf("layer");
  const layers = new Map<Cell, Cell[][]>();
  for (const row of rows) {
    const layer = layers.get(row[index]!);
    if (layer === undefined) layers.set(row[index]!, [row]);
    else layer.push(row);
  }
  return [...layers.values()].flat();
}

/** Rows of `streams`: once they are stored the batch exists. */
export function streamRows(batch: number, marks: StreamMark[]): TableRows {
  return {
    columns: STREAM_COLUMNS,
    rows: marks.map(({ run, rank, attempt, sequence, rejected, lastMessageAt }) => {
      return [run, rank, attempt, batch, sequence, rejected, lastMessageAt];
    }),
  };
}

function addStep(tables: Record<BatchTable, TableRows>, batch: number, message: v1.Step, sum: StepSum): void {
  const position = [message.run, message.split, message.step, message.attempt, batch];
  const add = (table: BatchTable, ...values: Cell[]) => tables[table].rows.push([...position, ...values]);

  const { rank } = message;
  for (const { layer, categories } of message.histograms) {
    for (const { category, tokens, dropped, counts, gateMass, meanProbability } of categories) {
      add("routing", layer, category, rank, tokens, dropped, counts, gateMass, meanProbability);
    }
  }
  const sent = new Set(message.histograms.map((histogram) => histogram.layer));
  for (const layer of sum.bucket.layers.filter((layer) => sent.has(layer.layer))) {
    const metrics = [layer.maxViolation.last, busiestOfLayer(layer), layer.deadExperts];
    add(
      "layers",
      layer.layer,
      sum.ranks,
      ...metrics,
      layer.tokens,
      layer.dropped,
      METRICS_VERSION,
      layer.selectionBias,
    );
  }
  for (const { layer, head, tokenClass, share } of message.attention) {
    add("attention", rank, layer, head, tokenClass, share);
  }
  for (const { layer, head, previousToken, firstToken, induction, local, broad } of message.heads) {
    add("heads", rank, layer, head, previousToken, firstToken, induction, local, broad);
  }
  for (const { layer, earlierStep, share } of message.saturation) {
    add("saturation", rank, layer, earlierStep, share);
  }
  const names = message.scalars.map((scalar) => scalar.name);
  const values = message.scalars.map((scalar) => scalar.value);
  add("steps", rank, message.sequence, message.tokens, message.time, names, values);
}
