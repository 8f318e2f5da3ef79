// Responses of a vLLM server, a response a line, as a run: each is a step. What a response holds stands in response.ts.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { LIMITS, type v1 } from "@moescope/proto";
import { Failure, WrongUse } from "../../failure.ts";
import { addCount, type CountedStep, countsAt, incomingCounts } from "../counted-step.ts";
import type { IncomingRun } from "../incoming-run.ts";
import { type JsonLine, readJsonLines } from "../json-lines.ts";
import { createdAt, type RoutedTokens, routedTokens } from "./response.ts";

const FILE = /\.jsonl?(\.gz)?$/;
/** Bytes of a file that is one JSON value over several lines: such a one is read as a whole. */
const LARGEST_VALUE = 2 ** 28;

export interface ResponseOptions {
  experts?: number;
  /** The MoE layers; absent: those in which some token has a choice. */
  layers?: readonly number[];
  split: v1.Split;
}

/** What a first reading finds. */
interface Found {
  topK: number;
  /** Layers in which some row is not all zeros. */
  chosen: Set<number>;
  /** Layers that the arrays have. */
  layers: number;
  /** Responses without routing. */
  without: number;
  /** Rows of MoE layers without a choice. */
  fillers: number;
  cutOff: { lines: number };
}

/**
 * @param path a file of responses, or a folder of such files, which are read in the order of their names
 * @throws Failure that names the response which is wrong
 */
export async function readRoutedExperts(path: string, options: ResponseOptions): Promise<IncomingRun> {
  const files = responseFiles(path);
  const found = await survey(files, options);
  const layers = options.layers ?? [...found.chosen];
  const read = () => stepsOf(files, new Set(layers), options.split, found);
  const { topK } = found;
  const incoming = await incomingCounts(read, { topK, experts: options.experts, time: statSync(files[0]!).mtimeMs });
  const notes = [
    [found.without, `Passed over: ${found.without} responses without routed_experts`] as const,
    [
      found.fillers,
      `Passed over: ${found.fillers} rows that hold no choice (all zeros or all -1): tokens that were not captured`,
    ] as const,
    [found.cutOff.lines, `Passed over: ${found.cutOff.lines} last lines that are cut off`] as const,
  ].flatMap(([count, text]) => (count > 0 ? [text] : []));
  return { ...incoming, notes: [...incoming.notes, ...notes] };
}

function responseFiles(path: string): string[] {
  if (statSync(path).isFile()) return [path];
  const names = readdirSync(path).filter((name) => FILE.test(name));
  if (names.length === 0) throw new WrongUse(`${path} holds no .jsonl and no .json`);
  const inOrder = new Intl.Collator("en", { numeric: true });
  return names.sort(inOrder.compare).map((name) => join(path, name));
}

async function survey(files: readonly string[], { layers: stated }: ResponseOptions): Promise<Found> {
  const found: Found = { topK: 0, chosen: new Set(), layers: 0, without: 0, fillers: 0, cutOff: { lines: 0 } };
  const empty = new Map<number, number>();
  for await (const { value, where } of responses(files, found.cutOff)) {
    const tokens = routedTokens(value, where);
    if (tokens.length === 0) found.without++;
    for (const part of tokens) {
      refuseOtherShape(part, found, where);
      for (const { layer, experts } of rowsOf(part, where)) {
        if (experts === undefined) empty.set(layer, (empty.get(layer) ?? 0) + 1);
        else if (experts.some((expert) => expert > 0)) found.chosen.add(layer);
      }
    }
  }
  if (found.topK === 0)
    throw new Failure(
      `${files[0]} holds no routed_experts: was the server started with --enable-return-routed-experts?`,
    );
  const beyond = stated?.find((layer) => layer >= found.layers);
  if (beyond !== undefined) throw new Failure(`--layers has ${beyond}, but the arrays have ${found.layers} layers`);
  // With top-1 a row of zero is both the choice of expert 0 and the row of a dense layer.
  if (found.topK === 1 && stated === undefined && found.chosen.size < found.layers)
    throw new WrongUse(
      "Some layers hold nothing but zeros, which with top-1 are dense layers, or choose expert 0 alone: name the MoE layers with --layers",
    );
  const counted = stated ?? [...found.chosen];
  found.fillers = counted.reduce((sum, layer) => sum + (empty.get(layer) ?? 0), 0);
  return found;
}

function refuseOtherShape({ array: { shape } }: RoutedTokens, found: Found, where: string): void {
  const [, layers, topK] = shape as [number, number, number];
  if (found.topK === 0) Object.assign(found, { layers, topK });
  if (layers === found.layers && topK === found.topK && topK > 0) return;
  throw new Failure(`${where}: ${layers} layers and top-${topK}, but ${found.layers} and top-${found.topK} further up`);
}

async function* stepsOf(
  files: readonly string[],
  layers: ReadonlySet<number>,
  split: v1.Split,
  { topK }: Found,
): AsyncGenerator<CountedStep> {
  let step = 0;
  for await (const { value, where } of responses(files, { lines: 0 })) {
    const counted: CountedStep = { step, split, time: createdAt(value), layers: new Map() };
    for (const part of routedTokens(value, where)) {
      for (const { layer, experts } of rowsOf(part, where)) {
        if (experts === undefined || !layers.has(layer)) continue;
        const counts = countsAt(counted, layer, part.category);
        for (let choice = 0; choice < topK; choice++) addCount(counts, experts[choice]!, 1);
      }
    }
    if (counted.layers.size === 0) continue;
    yield counted;
    step++;
  }
}

/** Every token in every layer; without experts where it has no choice. */
function* rowsOf({ array, from, to }: RoutedTokens, where: string): Generator<{ layer: number; experts?: number[] }> {
  const [, layers, topK] = array.shape as [number, number, number];
  for (let token = from; token < to; token++) {
    for (let layer = 0; layer < layers; layer++) {
      const start = (token * layers + layer) * topK;
      const experts = Array.from({ length: topK }, (_, choice) => array.at(start + choice));
      if (isFiller(experts)) yield { layer };
      else {
        refuseNoChoice(experts, `${where}, token ${token}, layer ${layer}`);
        yield { layer, experts };
      }
    }
  }
}

/** Top-k experts are different ones, so with several choices zeros alone are none. */
function isFiller(experts: readonly number[]): boolean {
  return experts.every((expert) => expert === -1) || (experts.length > 1 && experts.every((expert) => expert === 0));
}

function refuseNoChoice(experts: readonly number[], where: string): void {
  const negative = experts.find((expert) => expert < 0);
  if (negative !== undefined)
    throw new Failure(`${where}: expert ${negative} beside others; allowed are indices from 0, or -1 alone`);
  const beyond = experts.find((expert) => expert >= LIMITS.experts.most);
  if (beyond !== undefined)
    throw new Failure(`${where}: expert ${beyond}; a layer has at most ${LIMITS.experts.most}, numbered from 0`);
  const twice = experts.find((expert, place) => experts.indexOf(expert) !== place);
  if (twice !== undefined) throw new Failure(`${where}: expert ${twice} twice; a token goes to different experts`);
}

async function* responses(files: readonly string[], cutOff: { lines: number }): AsyncGenerator<JsonLine> {
  for (const file of files) {
    const whole = await wholeValue(file);
    if (whole === undefined) yield* readJsonLines(file, cutOff);
    else for (const [index, value] of whole.entries()) yield { value, where: `${file}, response ${index}` };
  }
}

/** Of a file that is one value, written over several lines or a list: its responses. Undefined for a file of lines. */
async function wholeValue(file: string): Promise<unknown[] | undefined> {
  if (!/\.json(\.gz)?$/.test(file)) return undefined;
  const { size } = statSync(file);
  if (size > LARGEST_VALUE)
    throw new Failure(
      `${file} has ${size} bytes; a .json is read up to ${LARGEST_VALUE}: write a response a line, as .jsonl`,
    );
  const bytes = readFileSync(file);
  const text = (file.endsWith(".gz") ? gunzipSync(bytes, { maxOutputLength: LARGEST_VALUE }) : bytes).toString("utf8");
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ""));
    return Array.isArray(value) ? value : [value];
  } catch (error) {
    // Several values are lines, whatever the file is called; those say where they are wrong.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
