// A routing trace of llama.cpp as a run: a forward pass is a step. The formats stand in trace-rows.ts.
import { statSync } from "node:fs";
import type { v1 } from "@moescope/proto";
import { Failure, WrongUse } from "../../failure.ts";
import { addCount, type CountedStep, countsAt, incomingCounts } from "../counted-step.ts";
import type { IncomingRun } from "../incoming-run.ts";
import { lostStride } from "./lost-stride.ts";
import { openTrace, type Phase, type Trace, type TraceRow } from "./trace-rows.ts";

export interface TraceOptions {
  /** Needed where a row has one assignment and does not say which of a token's. */
  topK?: number;
  experts?: number;
  split: v1.Split;
}

interface Shape {
  topK: number;
  experts: number;
  layers: ReadonlySet<number>;
}

/** What was passed over, for the notes. */
interface Left {
  /** Numbers of passes with misread ids. */
  misread: Set<number>;
  /** The last pass, where the tool was stopped in the middle of it. */
  unfinished: boolean;
}

/** What one forward pass chose. */
interface Pass {
  phase: Phase;
  /** By layer: experts in the order of the file, top-k for each token. */
  layers: Map<number, number[]>;
  isLast: boolean;
}

/** @throws Failure that names the line which is wrong */
export async function readLlamaTrace(path: string, options: TraceOptions): Promise<IncomingRun> {
  const trace = await openTrace(path);
  const shape = await shapeOf(trace, options);
  const left: Left = { misread: new Set(), unfinished: false };
  const read = () => stepsOf(trace, shape, options.split, left);
  const { topK } = shape;
  const incoming = await incomingCounts(read, { topK, experts: options.experts, time: statSync(path).mtimeMs });
  const misread = `Passed over: ${left.misread.size} passes of several tokens with ids that were read without their stride (ggml-org/llama.cpp pull request 28544), so only the first token's are right`;
  const unfinished = "Passed over: the last pass, which is not whole";
  const notes = [...(left.misread.size > 0 ? [misread] : []), ...(left.unfinished ? [unfinished] : [])];
  return { ...incoming, notes: [...incoming.notes, ...notes] };
}

async function shapeOf(trace: Trace, { topK: stated, experts }: TraceOptions): Promise<Shape> {
  let highest = -1;
  let said = 0;
  const layers = new Set<number>();
  for await (const { row, topK } of trace.rows()) {
    highest = Math.max(highest, ...row.experts);
    said = Math.max(said, topK ?? 0);
    layers.add(row.layer);
  }
  if (said > 0 && stated !== undefined && stated !== said)
    throw new WrongUse(`--top-k is ${stated}, but the trace has ${said} experts for a token`);
  if (said === 0 && stated === undefined)
    throw new WrongUse("This trace has a row for each assignment: --top-k says how many a token has");
  return { topK: said || stated!, experts: experts ?? highest + 1, layers };
}

async function* stepsOf(trace: Trace, shape: Shape, split: v1.Split, left: Left): AsyncGenerator<CountedStep> {
  let number = 0;
  let step = 0;
  for await (const { phase, layers, isLast } of passesOf(trace.rows(), shape.topK)) {
    number++;
    left.unfinished = isLast && number > 1 && !isWhole(layers, shape);
    if (left.unfinished) return;
    if (trace.ignoresStride && lostStride(layers, shape)) {
      left.misread.add(number);
      continue;
    }
    const counted: CountedStep = { step, split, layers: new Map() };
    for (const [layer, experts] of layers) {
      const counts = countsAt(counted, layer, phase);
      for (const expert of experts) addCount(counts, expert, 1);
    }
    yield counted;
    step++;
  }
}

function isWhole(layers: Pass["layers"], shape: Shape): boolean {
  return layers.size === shape.layers.size && [...layers.values()].every(({ length }) => length % shape.topK === 0);
}

/** @throws Failure when a token goes to an expert twice, or has not top-k experts */
async function* passesOf(rows: AsyncIterable<{ row: TraceRow }>, topK: number): AsyncGenerator<Pass> {
  let pass: Pass | undefined;
  let last: TraceRow | undefined;
  for await (const { row } of rows) {
    if (pass === undefined || last === undefined || begins(row, last, pass)) {
      if (pass !== undefined) yield pass;
      pass = { phase: row.phase, layers: new Map(), isLast: false };
    }
    const experts = pass.layers.get(row.layer) ?? [];
    pass.layers.set(row.layer, experts);
    for (const expert of row.experts) {
      const ofToken = experts.slice(experts.length - (experts.length % topK));
      if (ofToken.includes(expert))
        throw new Failure(`${row.where}: a token goes to expert ${expert} twice; is top-k ${topK}?`);
      experts.push(expert);
    }
    last = row;
  }
  if (pass !== undefined) yield { ...pass, isLast: true };
}

/** A pass computes every layer once, and decodes one token. */
function begins(row: TraceRow, last: TraceRow, pass: Pass): boolean {
  if (row.phase !== pass.phase) return true;
  if (row.phase === "decode" && row.token !== last.token) return true;
  return row.layer !== last.layer && pass.layers.has(row.layer);
}
