// A CSV of counts as a run: columns step, layer, expert and count; those below if it has them. Others are passed over. An export's
// routing.csv has them all, and means the same by them (tables.ts).
import { statSync } from "node:fs";
import { LIMITS, v1 } from "@moescope/proto";
import { Failure } from "../failure.ts";
import { addCount, type CountedStep, countsAt, incomingCounts, MOST_IN_MESSAGE } from "./counted-step.ts";
import type { IncomingRun } from "./incoming-run.ts";
import { readLines } from "./read-lines.ts";

const required = ["step", "layer", "expert", "count"];
const optional = ["category", "split", "attempt", "tokens", "dropped", "selection_bias"];

/** Category of a file without that column. */
const ONLY_CATEGORY = "all";

const splits: Record<string, v1.Split> = {
  ...{ train: v1.Split.TRAIN, eval: v1.Split.EVAL, probe: v1.Split.PROBE, rollout: v1.Split.ROLLOUT },
};

/**
 * @param path rows of a step stand together
 * @throws Failure that names the line which is wrong
 */
export async function readCountsCsv(path: string, options: { topK: number; experts?: number }): Promise<IncomingRun> {
  const time = statSync(path).mtimeMs;
  const incoming = await incomingCounts(() => stepsOf(path), { ...options, time });
  const ignored = await ignoredColumns(path);
  const note = `Columns passed over: ${ignored.join(", ")}`;
  return { ...incoming, notes: [...incoming.notes, ...(ignored.length > 0 ? [note] : [])] };
}

async function ignoredColumns(path: string): Promise<string[]> {
  for await (const { text } of recordsOf(path)) {
    return fieldsOf(text).filter((name) => ![...required, ...optional].includes(name));
  }
  return [];
}

async function* stepsOf(path: string): AsyncGenerator<CountedStep> {
  const finished = new Set<string>();
  let columns: string[] | undefined;
  let growing: CountedStep | undefined;
  for await (const { text, number } of recordsOf(path)) {
    const where = `${path}, line ${number}`;
    if (columns === undefined) {
      columns = headerOf(text, where);
      continue;
    }
    if (text === "") continue;
    const row = rowOf(fieldsOf(text), columns, where);
    const { step, split, attempt } = row;
    if (growing?.step !== step || growing.split !== split || growing.attempt !== attempt) {
      if (growing !== undefined) yield growing;
      const key = `${split}/${attempt}/${step}`;
      if (finished.has(key)) throw new Failure(`${where}: step ${step} has rows further up; sort the file by step`);
      finished.add(key);
      growing = { step, split, attempt, layers: new Map(), selectionBias: new Map() };
    }
    addRow(growing, row, where);
  }
  if (growing !== undefined) yield growing;
}

function addRow(growing: CountedStep, row: CsvRow, where: string): void {
  const { layer, expert, tokens, bias } = row;
  const counts = countsAt(growing, layer, row.category);
  addCount(counts, expert, row.count);
  if (row.dropped !== undefined && row.dropped > 0) addCount({ counts: counts.dropped }, expert, row.dropped);
  if (tokens !== undefined) {
    if (tokens !== (counts.tokens ?? tokens))
      throw new Failure(
        `${where}: tokens is ${tokens}, but ${counts.tokens} further up in the same layer and category`,
      );
    counts.tokens = tokens;
    counts.droppedBeside ||= row.dropped === undefined;
  }
  if (bias === undefined) return;
  const biases = growing.selectionBias!.get(layer) ?? [];
  growing.selectionBias!.set(layer, biases);
  if (!Object.is(biases[expert] ?? bias, bias))
    throw new Failure(`${where}: selection_bias is ${bias}, but ${biases[expert]} further up for the same expert`);
  biases[expert] = bias;
}

function headerOf(text: string, where: string): string[] {
  const columns = fieldsOf(text.replace(/^\uFEFF/, ""));
  const missing = required.find((name) => !columns.includes(name));
  if (missing === undefined) return columns;
  throw new Failure(`${where}: there is no column ${missing}; needed are ${required.join(", ")}`);
}

type CsvRow = ReturnType<typeof rowOf>;

function rowOf(fields: readonly string[], columns: readonly string[], where: string) {
  const field = (name: string) => fields[columns.indexOf(name)];
  const wholeOrNone = (name: string, most: number) => {
    const text = field(name) ?? "";
    if (text.trim() === "") return undefined;
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= 0 && value <= most) return value;
    const to = most === Number.MAX_SAFE_INTEGER ? "2^53 - 1" : most;
    throw new Failure(`${where}: ${name} is ${JSON.stringify(text)}; allowed are whole numbers from 0 to ${to}`);
  };
  const whole = (name: string, most: number) => {
    const value = wholeOrNone(name, most);
    if (value !== undefined) return value;
    throw new Failure(`${where}: ${name} is empty; allowed are whole numbers from 0`);
  };
  const count = whole("count", MOST_IN_MESSAGE);
  const dropped = columns.includes("dropped") ? wholeOrNone("dropped", MOST_IN_MESSAGE) : 0;
  if (dropped !== undefined && dropped > count)
    throw new Failure(`${where}: dropped is ${dropped}, more than count, ${count}, which includes it`);
  return {
    ...{ step: whole("step", Number.MAX_SAFE_INTEGER), layer: whole("layer", MOST_IN_MESSAGE) },
    ...{ expert: whole("expert", LIMITS.experts.most - 1), count, dropped },
    ...{
      tokens: wholeOrNone("tokens", Number.MAX_SAFE_INTEGER),
      attempt: wholeOrNone("attempt", MOST_IN_MESSAGE) ?? 0,
    },
    ...{ bias: biasOf(field("selection_bias"), where), split: splitOf(field("split"), where) },
    category: categoryOf(field("category"), where),
  };
}

function biasOf(text: string | undefined, where: string): number | undefined {
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (text.trim() !== "" && (text === "NaN" || !Number.isNaN(value))) return value;
  throw new Failure(`${where}: selection_bias is ${JSON.stringify(text)}; allowed are numbers`);
}

function splitOf(text: string | undefined, where: string): v1.Split {
  const split = text ?? "train";
  if (Object.hasOwn(splits, split)) return splits[split]!;
  throw new Failure(`${where}: split is ${JSON.stringify(split)}; allowed are ${Object.keys(splits).join(", ")}`);
}

function categoryOf(text: string | undefined, where: string): string {
  const category = text ?? ONLY_CATEGORY;
  const { most } = LIMITS.categoryName;
  if (category.length >= 1 && category.length <= most) return category;
  throw new Failure(`${where}: category has ${category.length} characters; allowed are 1 to ${most}`);
}

/** Lines, joined where a line break stands between quotes. */
async function* recordsOf(path: string): AsyncGenerator<{ text: string; number: number }> {
  let open: { text: string; number: number } | undefined;
  for await (const { text, number } of readLines(path)) {
    open = open === undefined ? { text, number } : { ...open, text: `${open.text}\n${text}` };
    if (open.text.split('"').length % 2 === 0) continue;
    yield open;
    open = undefined;
  }
  if (open !== undefined) throw new Failure(`${path}, line ${open.number}: a quote that does not end`);
}

/** RFC 4180. */
function fieldsOf(line: string): string[] {
  const fields = `,${line}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,]*))/g);
  return [...fields].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!);
}
