// The rows of one batch as TabSeparated text, a format that the embedded engine and a ClickHouse server both take.
import { METRICS_VERSION } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import type { BatchTable } from "./schema.ts";
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

/** Rows of one table: names of its columns, and one line for each row. */
export interface TableRows {
  columns: readonly string[];
  lines: string[];
}

const POSITION = ["run", "split", "step", "attempt", "batch"];

const COLUMNS: Record<BatchTable, readonly string[]> = {
  routing: [
    ...POSITION,
    ...["layer", "category", "rank", "tokens", "dropped"],
    ...["counts_bytes", "gate_mass_bytes", "mean_probability_bytes"],
  ],
  layers: [
    ...POSITION,
    ...["layer", "ranks", "max_violation", "busiest_expert", "dead_experts", "tokens", "dropped", "metrics_version"],
    "selection_bias_bytes",
  ],
  attention: [...POSITION, "rank", "layer", "head", "token_class", "share"],
  heads: [...POSITION, "rank", "layer", "head", "previous_token", "first_token", "induction", "local", "broad"],
  saturation: [...POSITION, "rank", "layer", "earlier_step", "share"],
  steps: [...POSITION, "rank", "sequence", "tokens", "time", "scalar_names", "scalar_values"],
  ends: ["run", "attempt", "rank", "batch", "sequence", "outcome", "reason", "ended_at"],
};

const STREAM_COLUMNS = ["run", "rank", "attempt", "batch", "sequence", "rejected", "last_message_at"];

/** Rows of every table of a batch except `streams`. */
export function batchRows(batch: number, content: BatchContent): Record<BatchTable, TableRows> {
  const rows = Object.fromEntries(
    Object.entries(COLUMNS).map(([table, columns]) => [table, { columns, lines: [] as string[] }]),
  ) as Record<BatchTable, TableRows>;
  for (const { message, sum } of content.steps) addStep(rows, batch, message, sum);
  for (const end of content.ends) {
    const { run, attempt, rank, sequence, reason, endedAt } = end;
    rows.ends.lines.push(line(run, attempt, rank, batch, sequence, v1.RunEnd.Outcome[end.outcome]!, reason, endedAt));
  }
  return rows;
}

/** Rows of `streams`: once they are stored the batch exists. */
export function streamRows(batch: number, marks: StreamMark[]): TableRows {
  return {
    columns: STREAM_COLUMNS,
    lines: marks.map((mark) =>
      line(mark.run, mark.rank, mark.attempt, batch, mark.sequence, mark.rejected, mark.lastMessageAt),
    ),
  };
}

function addStep(rows: Record<BatchTable, TableRows>, batch: number, message: v1.Step, sum: StepSum): void {
  const position = line(message.run, v1.Split[message.split]!, message.step, message.attempt, batch);
  const add = (table: BatchTable, ...values: Cell[]) => rows[table].lines.push(`${position}\t${line(...values)}`);

  const { rank } = message;
  for (const { layer, categories } of message.histograms) {
    for (const { category, tokens, dropped, counts, gateMass, meanProbability } of categories) {
      const arrays = [uint32Bytes(counts), float32Bytes(gateMass), float32Bytes(meanProbability)];
      add("routing", layer, category, rank, tokens, dropped, ...arrays);
    }
  }
  const sent = new Set(message.histograms.map((histogram) => histogram.layer));
  for (const layer of sum.bucket.layers.filter((layer) => sent.has(layer.layer))) {
    const metrics = [layer.maxViolation.last, busiestOfLayer(layer), layer.deadExperts];
    const bias = float32Bytes(layer.selectionBias);
    add("layers", layer.layer, sum.ranks, ...metrics, layer.tokens, layer.dropped, METRICS_VERSION, bias);
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

type Cell = string | number | string[] | number[];

function line(...cells: Cell[]): string {
  return cells.map(cellText).join("\t");
}

function cellText(cell: Cell): string {
  if (typeof cell === "number") return numberText(cell);
  if (typeof cell === "string") return escaped(cell);
  const items = cell.map((item) => (typeof item === "number" ? numberText(item) : `'${escaped(item)}'`));
  return `[${items.join(",")}]`;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

const ESCAPES: Record<string, string> = {
  "\\": "\\\\",
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
  "'": "\\'",
  "\0": "\\0",
};

function escaped(text: string): string {
  return text.replace(/[\\\t\n\r'\0]/g, (character) => ESCAPES[character]!);
}

function uint32Bytes(values: number[]): string {
  return Buffer.from(new Uint32Array(values).buffer).toString("base64");
}

function float32Bytes(values: number[]): string {
  return Buffer.from(new Float32Array(values).buffer).toString("base64");
}
