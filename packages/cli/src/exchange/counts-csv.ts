// A CSV of counts as a run: columns step, layer, expert and count; category, split and dropped if it has them. Others are passed over.
import { statSync } from "node:fs";
import { v1 } from "@moescope/proto";
import { Failure } from "../failure.ts";
import { addCount, type CountedStep, countsAt, incomingCounts } from "./counted-step.ts";
import type { IncomingRun } from "./incoming-run.ts";
import { readLines } from "./read-lines.ts";

const required = ["step", "layer", "expert", "count"];
const optional = ["category", "split", "dropped"];

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
  const incoming = await incomingCounts([() => stepsOf(path)], { ...options, time });
  const ignored = await ignoredColumns(path);
  const note = `Columns passed over: ${ignored.join(", ")}`;
  return { ...incoming, notes: [...incoming.notes, ...(ignored.length > 0 ? [note] : [])] };
}

async function ignoredColumns(path: string): Promise<string[]> {
  for await (const { text } of readLines(path)) {
    return fieldsOf(text).filter((name) => ![...required, ...optional].includes(name));
  }
  return [];
}

async function* stepsOf(path: string): AsyncGenerator<CountedStep> {
  const finished = new Set<string>();
  let columns: string[] | undefined;
  let growing: CountedStep | undefined;
  for await (const { text, number } of readLines(path)) {
    const where = `${path}, line ${number}`;
    if (columns === undefined) {
      columns = headerOf(text, where);
      continue;
    }
    if (text === "") continue;
    const row = rowOf(fieldsOf(text), columns, where);
    if (growing?.step !== row.step || growing.split !== row.split) {
      if (growing !== undefined) yield growing;
      const key = `${row.split}/${row.step}`;
      if (finished.has(key)) throw new Failure(`${where}: step ${row.step} has rows further up; sort the file by step`);
      finished.add(key);
      growing = { step: row.step, split: row.split, layers: new Map() };
    }
    const counts = countsAt(growing, row.layer, row.category);
    addCount(counts, row.expert, row.count);
    counts.dropped += row.dropped;
  }
  if (growing !== undefined) yield growing;
}

function headerOf(text: string, where: string): string[] {
  const columns = fieldsOf(text.replace(/^\uFEFF/, ""));
  const missing = required.find((name) => !columns.includes(name));
  if (missing === undefined) return columns;
  throw new Failure(`${where}: there is no column ${missing}; needed are ${required.join(", ")}`);
}

function rowOf(fields: readonly string[], columns: readonly string[], where: string) {
  const field = (name: string) => fields[columns.indexOf(name)];
  const whole = (name: string, absent?: string) => {
    const text = field(name) || (absent ?? "");
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= 0) return value;
    throw new Failure(`${where}: ${name} is ${JSON.stringify(text)}; allowed are whole numbers from 0`);
  };
  const split = field("split") ?? "train";
  if (!Object.hasOwn(splits, split))
    throw new Failure(`${where}: split is ${JSON.stringify(split)}; allowed are ${Object.keys(splits).join(", ")}`);
  return {
    ...{ step: whole("step"), layer: whole("layer"), expert: whole("expert"), count: whole("count") },
    ...{ dropped: whole("dropped", "0"), split: splits[split]!, category: field("category") ?? ONLY_CATEGORY },
  };
}

/** RFC 4180, except that a field may hold no line break. */
function fieldsOf(line: string): string[] {
  const fields = `,${line}`.matchAll(/,(?:"((?:[^"]|"")*)"|([^,]*))/g);
  return [...fields].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!);
}
