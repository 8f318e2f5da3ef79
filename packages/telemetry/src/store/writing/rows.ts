// The rows of one batch, table by table.
import { METRICS_VERSION, type StepSum, totalLoad } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import type { Block } from "../engine/database.ts";
import { BlockWriter, type Cell, type Columns, type ColumnsOf } from "../engine/native.ts";
import type { BatchTable } from "../schema/schema.ts";
import { addGates, GATE_COLUMNS, saysGates } from "./gate-rows.ts";
import type { Seal } from "./sealing.ts";
import type { CountSplitter, Splitters } from "./split-counts.ts";

/** What one batch stores: the messages of any number of streams, and how far it brings each stream. */
export interface Messages {
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

const POSITION = { run: "String", split: "Split", step: "UInt64", attempt: "UInt32", batch: "UInt64" } as const;

const COLUMNS = {
  routing: {
    ...POSITION,
    ...{ layer: "UInt32", category: "UInt32", rank: "UInt32", tokens: "UInt64", dropped: "UInt64" },
    ...{ shared_base: "LowCardinality(String)", base: "Array(UInt32)", above: "Array(UInt8)" },
    dropped_counts: "Array(UInt32)",
  },
  gates: { ...POSITION, layer: "UInt32", rank: "UInt32", ...GATE_COLUMNS },
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
} as const satisfies Record<BatchTable, Columns>;

type Tables = { [Table in BatchTable]: BlockWriter<(typeof COLUMNS)[Table]> };

const STREAM_COLUMNS: Columns = {
  ...{ run: "String", rank: "UInt32", attempt: "UInt32", batch: "UInt64" },
  ...{ sequence: "UInt64", rejected: "UInt64", last_message_at: "Float64", epoch: "UInt32" },
};

/** Rows as they are inserted. */
export function blockOf({ columns, rows }: TableRows): Block {
  const writer = new BlockWriter(columns);
  for (const row of rows) writer.add(...row);
  return writer.block();
}

/**
 * Rows of every table of a batch except `streams`.
 *
 * @param ranksOf how many ranks a run has
 */
export function batchBlocks(
  batch: number,
  content: Messages,
  splitters: Splitters,
  ranksOf: (run: string) => number,
): Record<BatchTable, Block> {
  const tables = mapped<Columns, BlockWriter<Columns>>(COLUMNS, (types) => new BlockWriter(types)) as Tables;
  for (const group of byRunAndSplit(content.steps)) {
    const senders = group.map(({ message }) => senderOf(message, ranksOf(message.run)));
    const steps = group.map(({ message: { attempt, step } }) => `${attempt}/${step}`);
    for (const layer of layersOf(group)) {
      // Of the ranks of a step, the last one's sum holds those before it.
      const sums = new Map<string, StoredStep>();
      for (let index = 0; index < group.length; index++) {
        const sent = addLayer(tables, batch, layer, group[index]!.message, splitters, senders[index]!);
        if (sent) sums.set(steps[index]!, group[index]!);
      }
      for (const { message, sum } of sums.values()) {
        addPosition(tables.layers.columns, message, batch, layer, 1);
        addSum(tables.layers.columns, layer, sum);
      }
    }
    for (const { message } of group) addStep(tables, batch, message);
  }
  for (const { run, attempt, rank, sequence, outcome, reason, endedAt } of content.ends) {
    tables.ends.add(run, attempt, rank, batch, sequence, outcome, reason, endedAt);
  }
  return mapped<BlockWriter<Columns>, Block>(tables, (table) => table.block());
}

function mapped<Value, Result>(
  record: Record<BatchTable, Value>,
  make: (value: Value) => Result,
): Record<BatchTable, Result> {
  const entries = Object.entries(record).map(([table, value]) => [table, make(value)]);
  return Object.fromEntries(entries) as Record<BatchTable, Result>;
}

const SEALED_COLUMNS: Columns = {
  ...{ run: "String", split: "Split", attempt: "UInt32", batch: "UInt64" },
  ...{ start: "UInt64", until: "UInt64", narrowest: "UInt64" },
};

/** Rows of `sealed`. */
export function sealRows(batch: number, seals: readonly Seal[]): TableRows {
  return {
    columns: SEALED_COLUMNS,
    rows: seals.map(({ run, split, attempt, from, until, narrowest }) => {
      return [run, split, attempt, batch, from, until, narrowest];
    }),
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

type StoredStep = Messages["steps"][number];

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

/** Ranks of a run whose earlier counts are known each by themselves: means of many ranks take much memory, and bases of each much room. */
const MOST_RANKS_APART = 32;

/** For counts to be split by what is known of earlier ones: of the same rank or, where there are many, of any. */
function senderOf({ run, split, attempt, rank }: v1.Step, ranks: number): string {
  return `${run}/${split}/${attempt}/${ranks > MOST_RANKS_APART ? "any" : rank}`;
}

function layersOf(steps: readonly StoredStep[]): number[] {
  const layers = new Set<number>();
  for (const { message } of steps) for (const { layer } of message.histograms) layers.add(layer);
  return [...layers].sort((a, b) => a - b);
}

const MOST_CATEGORIES = 65_536;

// By column, because a step has hundreds of rows: arrays of their cells would keep the garbage collector busy.

/**
 * The tables are sorted by layer, then step: rows that come like that need not be moved by the engine.
 *
 * @returns whether the message has the layer
 */
function addLayer(
  tables: Tables,
  batch: number,
  layer: number,
  message: v1.Step,
  splitters: Splitters,
  sender: string,
): boolean {
  const histogram = message.histograms.find((histogram) => histogram.layer === layer);
  if (histogram === undefined) return false;
  const routing = tables.routing.columns;
  const { categories } = histogram;
  addPosition(routing, message, batch, layer, categories.length);
  routing.rank.repeat(message.rank, categories.length);
  for (const category of categories) addCategory(routing, category, layer, splitters.counts, sender);
  if (saysGates(histogram)) {
    addPosition(tables.gates.columns, message, batch, layer, 1);
    tables.gates.columns.rank.add(message.rank);
    addGates(tables.gates.columns, histogram, splitters.gates, sender);
  }
  return true;
}

type Routing = Tables["routing"]["columns"];
type Layers = Tables["layers"]["columns"];

function addPosition(
  columns: ColumnsOf<typeof POSITION & { readonly layer: "UInt32" }>,
  { run, split, step, attempt }: v1.Step,
  batch: number,
  layer: number,
  rows: number,
): void {
  columns.run.repeat(run, rows);
  columns.split.repeat(split, rows);
  columns.step.repeat(step, rows);
  columns.attempt.repeat(attempt, rows);
  columns.batch.repeat(batch, rows);
  columns.layer.repeat(layer, rows);
}

function addCategory(
  columns: Routing,
  { category, tokens, dropped, counts, droppedCounts = [] }: v1.CategoryRouting,
  layer: number,
  splitter: CountSplitter,
  sender: string,
): void {
  columns.category.add(category);
  columns.tokens.add(tokens);
  columns.dropped.add(dropped || totalLoad(droppedCounts));
  columns.dropped_counts.add(droppedCounts);
  const above = columns.above.begin(counts.length);
  const at = above.room(counts.length);
  const histogram = layer * MOST_CATEGORIES + category;
  const base = splitter.split(sender, histogram, counts, above.piece as Uint8Array, at);
  columns.shared_base.add(base.shared);
  columns.base.add(base.own);
}

function addSum(columns: Layers, layer: number, { bucket, ranks, busiest }: StepSum): void {
  const { maxViolation, deadExperts, tokens, dropped, selectionBias } = bucket.layers.find(
    (total) => total.layer === layer,
  ) as v1.LayerSummary;
  columns.ranks.add(ranks);
  columns.max_violation.add(maxViolation!.last!);
  columns.busiest_expert.add(busiest.get(layer) ?? 0);
  columns.dead_experts.add(deadExperts);
  columns.tokens.add(tokens);
  columns.dropped.add(dropped);
  columns.metrics_version.add(METRICS_VERSION);
  columns.selection_bias.add(selectionBias);
}

function addStep(tables: Tables, batch: number, message: v1.Step): void {
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
