// The rows of one batch, table by table.
import { METRICS_VERSION } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import type { Block } from "./database.ts";
import { BlockWriter, type Cell, type Columns } from "./native.ts";
import { WIDTHS } from "./pieces.ts";
import type { BatchTable } from "./schema.ts";
import type { Seal } from "./sealing.ts";
import type { CountSplitter } from "./split-counts.ts";
import type { StepSum } from "./step-sum.ts";

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

/** Rows of one table as they come. */
export class Table {
  readonly #columns: Columns;
  readonly #writer: BlockWriter;

  constructor(columns: Columns) {
    this.#columns = columns;
    this.#writer = new BlockWriter(columns);
  }

  add(...row: Cell[]): void {
    this.#writer.add(row);
  }

  block(): Block {
    const { rows } = this.#writer;
    return { columns: Object.keys(this.#columns), rows, bytes: rows === 0 ? [] : this.#writer.finish() };
  }
}

const POSITION: Columns = { run: "String", split: "Split", step: "UInt64", attempt: "UInt32", batch: "UInt64" };

const COLUMNS: Record<BatchTable, Columns> = {
  routing: {
    ...POSITION,
    ...{ layer: "UInt32", category: "UInt32", rank: "UInt32", tokens: "UInt64", dropped: "UInt64" },
    ...{ shared_base: "LowCardinality(String)", base: "Array(UInt32)", above: "Array(UInt8)" },
    ...{ gate_mass: "Array(Float32)", mean_probability: "Array(Float32)" },
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
  ...{ sequence: "UInt64", rejected: "UInt64", last_message_at: "Float64", epoch: "UInt32" },
};

/** Rows as they are inserted. */
export function blockOf({ columns, rows }: TableRows): Block {
  const table = new Table(columns);
  for (const row of rows) table.add(...row);
  return table.block();
}

/** Rows of every table of a batch except `streams`. */
export function batchBlocks(batch: number, content: BatchContent, splitter: CountSplitter): Record<BatchTable, Block> {
  const tables = mapped(COLUMNS, (columns) => new Table(columns));
  for (const group of byRunAndSplit(content.steps)) {
    const senders = group.map(({ message }) => senderOf(message));
    for (const layer of layersOf(group)) {
      for (const [index, step] of group.entries()) addLayer(tables, batch, layer, step, splitter, senders[index]!);
    }
    for (const { message } of group) addStep(tables, batch, message);
  }
  for (const { run, attempt, rank, sequence, outcome, reason, endedAt } of content.ends) {
    tables.ends.add(run, attempt, rank, batch, sequence, outcome, reason, endedAt);
  }
  return mapped(tables, (table) => table.block());
}

function mapped<Value, Result>(
  record: Record<BatchTable, Value>,
  make: (value: Value) => Result,
): Record<BatchTable, Result> {
  const entries = Object.entries(record).map(([table, value]) => [table, make(value)]);
  return Object.fromEntries(entries) as Record<BatchTable, Result>;
}

/** Rows of `sealed`. */
export function sealRows(batch: number, seals: readonly Seal[]): TableRows {
  return {
    columns: {
      run: "String",
      split: "Split",
      attempt: "UInt32",
      batch: "UInt64",
      until: "UInt64",
      narrowest: "UInt32",
    },
    rows: seals.map(({ run, split, attempt, until }) => [run, split, attempt, batch, until, WIDTHS[0]!]),
  };
}

/** Rows of `streams`: once they are stored the batch exists. */
export function streamRows(batch: number, epoch: number, marks: readonly StreamMark[]): TableRows {
  return {
    columns: STREAM_COLUMNS,
    rows: marks.map(({ run, rank, attempt, sequence, rejected, lastMessageAt }) => {
      return [run, rank, attempt, batch, sequence, rejected, lastMessageAt, epoch];
    }),
  };
}

type StoredStep = BatchContent["steps"][number];

/** Steps that are neighbours in every table, in the order of its key. */
function byRunAndSplit(steps: readonly StoredStep[]): StoredStep[][] {
  const groups = new Map<string, StoredStep[]>();
  for (const step of steps) {
    const key = `${step.message.run} ${step.message.split}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [step]);
    else group.push(step);
  }
  return [...groups.keys()].sort().map((key) => groups.get(key)!);
}

/** For counts to be split by what is known of its earlier ones. */
function senderOf({ run, split, attempt, rank }: v1.Step): string {
  return `${run}/${split}/${attempt}/${rank}`;
}

function layersOf(steps: readonly StoredStep[]): number[] {
  const layers = new Set<number>();
  for (const { message } of steps) for (const { layer } of message.histograms) layers.add(layer);
  return [...layers].sort((a, b) => a - b);
}

const MOST_CATEGORIES = 65_536;

/** The tables are sorted by layer, then step: rows that come like that need not be moved by the engine. */
function addLayer(
  tables: Record<BatchTable, Table>,
  batch: number,
  layer: number,
  { message, sum }: StoredStep,
  splitter: CountSplitter,
  sender: string,
): void {
  const histogram = message.histograms.find((histogram) => histogram.layer === layer);
  if (histogram === undefined) return;
  const { run, split, step, attempt, rank } = message;
  for (const { category, tokens, dropped, counts, gateMass, meanProbability } of histogram.categories) {
    const { sharedBase, base, above } = splitter.split(sender, layer * MOST_CATEGORIES + category, counts);
    const routing = [sharedBase, base, above, gateMass, meanProbability] as const;
    tables.routing.add(run, split, step, attempt, batch, layer, category, rank, tokens, dropped, ...routing);
  }
  const total = sum.bucket.layers.find((total) => total.layer === layer)!;
  const metrics = [total.maxViolation!.last, sum.busiest.get(layer)!, total.deadExperts] as const;
  const tokens = [total.tokens, total.dropped] as const;
  const position = [run, split, step, attempt, batch, layer, sum.ranks] as const;
  tables.layers.add(...position, ...metrics, ...tokens, METRICS_VERSION, total.selectionBias);
}

function addStep(tables: Record<BatchTable, Table>, batch: number, message: v1.Step): void {
  const { run, split, step, attempt, rank } = message;
  const add = (table: BatchTable, ...values: Cell[]) => tables[table].add(run, split, step, attempt, batch, ...values);
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
