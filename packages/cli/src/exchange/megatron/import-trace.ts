// Routing traces of Megatron-LM (`--moe-routing-trace-path`) as a run, ranks and micro-batches added up. The format stands in trace-file.ts.
import { statSync } from "node:fs";
import { basename } from "node:path";
import { v1 } from "@moescope/proto";
import { Failure } from "../../failure.ts";
import { addCounts, type CountedStep, countsAt, incomingCounts } from "../counted-step.ts";
import type { IncomingRun } from "../incoming-run.ts";
import { filesByRank, rankOf } from "./files-by-rank.ts";
import { TraceFile, type TraceStep } from "./trace-file.ts";
import { type LayerOf, traceLayers } from "./trace-stages.ts";

const FILE = /^router_trace_rank(\d+)\.jsonl(\.gz)?$/;
/** A trace does not say what kind of token it routed. */
const CATEGORY = "all";

export interface TraceOptions {
  experts?: number;
  /** Transformer blocks of each pipeline stage; needed where ranks have layers of the same number. */
  stageLayers?: readonly number[];
}

/** Files of ranks that have the same tokens. */
type Copies = readonly [TraceFile, ...TraceFile[]];

/**
 * @param path the folder of a trace, or one file of it
 * @throws Failure that names the line which is wrong
 */
export async function readRoutingTrace(path: string, options: TraceOptions): Promise<IncomingRun> {
  const files: TraceFile[] = [];
  for (const [rank, file] of traceFiles(path)) files.push(await TraceFile.open(rank, file));
  const topK = topKOf(files, path);
  const groups = copiesIn(files.filter(({ layers }) => layers.size > 0));
  if (groups.length === 0) throw new Failure(`${path} holds no choices of the decoder's routers`);
  const originals = groups.map(([original]) => original);
  const layerOf = traceLayers(originals, files.at(-1)!.rank, options.stageLayers);
  const read = () => stepsOf(groups, layerOf);
  const time = statSync(originals[0]!.path).mtimeMs;
  const incoming = await incomingCounts(read, { topK, experts: options.experts, time });
  return { ...incoming, notes: [...incoming.notes, ...notesOf(files, groups)] };
}

function traceFiles(path: string): [rank: number, file: string][] {
  if (statSync(path).isFile()) return [[rankOf(path, FILE), path]];
  return filesByRank(path, FILE, "router_trace_rank*.jsonl");
}

function topKOf(files: readonly TraceFile[], path: string): number {
  const [first, ...others] = files.filter(({ topK }) => topK !== undefined);
  if (first === undefined) throw new Failure(`${path} is empty: no rank has written a record`);
  const odd = others.find(({ topK }) => topK !== first.topK);
  if (odd) throw new Failure(`${odd.path}: topk is ${odd.topK}, but ${first.topK} in ${first.path}`);
  return first.topK!;
}

/** Groups of ranks with the same choices; the one that began first leads. In the order of their ranks. */
function copiesIn(files: readonly TraceFile[]): Copies[] {
  const groups: [TraceFile, ...TraceFile[]][] = [];
  const leaders = new Map<string, (typeof groups)[number][]>();
  for (const file of [...files].sort((a, b) => a.firstStep - b.firstStep)) {
    const key = (step: number) => `${step} ${file.steps.get(step)?.digest}`;
    // A copy has a whole step of its leader; the last may be cut off.
    const candidates = new Set([...file.steps.keys()].flatMap((step) => leaders.get(key(step)) ?? []));
    const group = [...candidates].find(([leader]) => file.hasChoicesOf(leader));
    if (group !== undefined) group.push(file);
    else {
      const own: (typeof groups)[number] = [file];
      groups.push(own);
      for (const step of file.steps.keys()) leaders.set(key(step), [...(leaders.get(key(step)) ?? []), own]);
    }
  }
  return groups.sort(([a], [b]) => a.rank - b.rank);
}

function notesOf(files: readonly TraceFile[], groups: readonly Copies[]): string[] {
  const ranks = (some: readonly TraceFile[]) => some.map(({ rank }) => rank).join(", ");
  const others = files.reduce((sum, { otherBlocks }) => sum + otherBlocks, 0);
  const cut = files.filter(({ cutOff }) => cutOff > 0);
  const empty = files.filter(({ topK }) => topK === undefined);
  const copied = groups.filter(({ length }) => length > 1);
  const twice = files.filter(({ twice }) => twice.size > 0);
  const every = new Set(groups.flatMap(([{ steps }]) => [...steps.keys()]));
  const short = groups.map(([original]) => original).filter(({ steps }) => steps.size < every.size);
  const missing = short[0] && [...every].find((step) => !short[0]!.steps.has(step));
  return [
    [others, `Passed over: ${others} records of other blocks than the decoder (multi-token prediction)`] as const,
    [
      cut.length,
      `Passed over: a last line that is cut off, in ${cut.map(({ path }) => basename(path)).join(", ")}`,
    ] as const,
    [empty.length, `Nothing was written by rank ${ranks(empty)}`] as const,
    [
      copied.length,
      `The same choices, counted once: ${copied.map((group) => `ranks ${ranks(group)}`).join("; ")}`,
    ] as const,
    [
      twice.length,
      `Forwards stand twice, computed again for the backward: counted once, in rank ${ranks(twice)}`,
    ] as const,
    [
      short.length,
      `Not every rank wrote every step, as rank ${short[0]?.rank} step ${missing}: what the others wrote is counted`,
    ] as const,
  ].flatMap(([count, text]) => (count > 0 ? [text] : []));
}

/** Ascending; what every rank wrote of a step, added up. */
async function* stepsOf(groups: readonly Copies[], layerOf: LayerOf): AsyncGenerator<CountedStep> {
  for await (const parts of together(groups.flat())) {
    const counted: CountedStep = { step: parts.step, split: v1.Split.TRAIN, layers: new Map() };
    for (const group of groups) {
      const [{ rank }] = group;
      for (const [layer, counts] of fullest(group, parts.ofFile))
        addCounts(countsAt(counted, layerOf(rank, layer), CATEGORY).counts, 0, counts);
    }
    yield counted;
  }
}

/** Of copies, one may be cut off: by layer the counts of the one that wrote most forwards. */
function fullest(copies: Copies, parts: ReadonlyMap<TraceFile, TraceStep>): Map<number, readonly number[]> {
  const counts = new Map<number, readonly number[]>();
  const forwards = new Map<number, number>();
  for (const file of copies) {
    for (const [number, layer] of parts.get(file)?.layers ?? []) {
      if (layer.forwards <= (forwards.get(number) ?? 0)) continue;
      counts.set(number, layer.counts);
      forwards.set(number, layer.forwards);
    }
  }
  return counts;
}

interface Parts {
  step: number;
  ofFile: ReadonlyMap<TraceFile, TraceStep>;
}

async function* together(files: readonly TraceFile[]): AsyncGenerator<Parts> {
  const readers = files.map((file) => file.choices());
  const heads = await Promise.all(readers.map((reader) => reader.next()));
  for (;;) {
    const step = heads.reduce((least, { done, value }) => (done ? least : Math.min(least, value.step)), Infinity);
    if (step === Infinity) return;
    const written = files.flatMap((_, index) => (heads[index]!.value?.step === step ? [index] : []));
    yield { step, ofFile: new Map(written.map((index) => [files[index]!, heads[index]!.value!])) };
    const next = await Promise.all(written.map((index) => readers[index]!.next()));
    for (const [place, index] of written.entries()) heads[index] = next[place]!;
  }
}
