// Routing traces of Megatron-LM (`--moe-routing-trace-path`) as a run: JSON Lines, a file for each rank, a record for every forward
// of a router: {"step", "block", "layer", "rank", "num_tokens", "topk", "top_indices": [[…k experts of a token], …]}. Written from the
// format's description in megatron/core/transformer/moe/router_trace.py.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { v1 } from "@moescope/proto";
import { Failure, WrongUse } from "../failure.ts";
import { addCount, type CountedStep, countsAt, incomingCounts } from "./counted-step.ts";
import type { IncomingRun } from "./incoming-run.ts";
import { readLines } from "./read-lines.ts";

const FILE = /^router_trace_rank(\d+)\.jsonl(\.gz)?$/;
/** A trace does not say what kind of token it routed. */
const CATEGORY = "all";

interface TraceRecord {
  step: number;
  block?: string;
  layer: number;
  topk: number;
  top_indices: number[][];
}

/**
 * @param path the folder of a trace, or one file of it
 * @throws Failure that names the line which is wrong
 */
export async function readRoutingTrace(path: string, options: { experts?: number }): Promise<IncomingRun> {
  const files = traceFiles(path);
  const topK = await topKOf(files[0]!);
  const skipped = { records: 0 };
  const readers = files.map((file) => () => stepsOf(file, topK, skipped));
  const incoming = await incomingCounts(readers, { topK, ...options, time: statSync(files[0]!).mtimeMs });
  const note = `Passed over: ${skipped.records} records of other blocks than the decoder (multi-token prediction)`;
  return { ...incoming, notes: [...incoming.notes, ...(skipped.records > 0 ? [note] : [])] };
}

function traceFiles(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  const rankOf = (name: string) => Number(FILE.exec(name)![1]);
  const names = readdirSync(path).filter((name) => FILE.test(name));
  if (names.length === 0) throw new WrongUse(`${path} holds no router_trace_rank*.jsonl`);
  return names.sort((a, b) => rankOf(a) - rankOf(b)).map((name) => join(path, name));
}

async function topKOf(file: string): Promise<number> {
  for await (const { text, number } of readLines(file)) return parsed(text, `${file}, line ${number}`).topk;
  throw new Failure(`${file} is empty`);
}

/** Micro-batches of a step are added up. */
async function* stepsOf(file: string, topK: number, skipped: { records: number }): AsyncGenerator<CountedStep> {
  let growing: CountedStep | undefined;
  for await (const { text, number } of readLines(file)) {
    if (text === "") continue;
    const where = `${file}, line ${number}`;
    const record = parsed(text, where);
    if (record.topk !== topK) throw new Failure(`${where}: topk is ${record.topk}, but ${topK} in the first line`);
    if ((record.block ?? "decoder") !== "decoder") {
      skipped.records++;
      continue;
    }
    if (growing !== undefined && record.step < growing.step) {
      throw new Failure(`${where}: step ${record.step} comes after step ${growing.step}`);
    }
    if (growing?.step !== record.step) {
      if (growing !== undefined) yield growing;
      growing = { step: record.step, split: v1.Split.TRAIN, layers: new Map() };
    }
    const counts = countsAt(growing, record.layer, CATEGORY);
    for (const experts of record.top_indices) for (const expert of experts) addCount(counts, expert, 1);
  }
  if (growing !== undefined) yield growing;
}

function parsed(text: string, where: string): TraceRecord {
  const record = jsonOf(text, where) as Partial<TraceRecord> | null;
  for (const name of ["step", "layer", "topk"] as const) {
    const value = record?.[name];
    if (!isIndex(value))
      throw new Failure(`${where}: ${name} is ${JSON.stringify(value)}; a routing trace has a whole number there`);
  }
  const { topk, top_indices } = record as TraceRecord;
  const right =
    Array.isArray(top_indices) && top_indices.every((experts) => experts?.length === topk && experts.every(isIndex));
  if (!right) throw new Failure(`${where}: top_indices is no list of ${topk} experts for each token`);
  return record as TraceRecord;
}

function jsonOf(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure(`${where} is no JSON: ${(error as Error).message}`);
  }
}

function isIndex(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
