// One rank's file of Megatron-LM's routing trace.
//
// Format: NVIDIA/Megatron-LM, megatron/core/transformer/moe/router_trace.py at commit 059f0f5c (2026). `--moe-routing-trace-path DIR` writes
// `DIR/router_trace_rank{R}.jsonl` anew at every start, a step at a time, one object for each forward of a router:
//   {"step": 0, "stage": "pre_dispatch", "block": "decoder", "layer": 3, "rank": 0, "num_tokens": 2, "topk": 2, "top_indices": [[0, 5], [5, 1]]}
// `layer` is the index within the module that the rank holds: from 0 in every pipeline stage, and in every chunk of a virtual pipeline. A
// forward that is computed again for the backward is written again. `top_indices` are those of the tokens that the rank has: under tensor
// parallelism without sequence parallelism, every rank of the group has the same.
import { createHash } from "node:crypto";
import { LIMITS } from "@moescope/proto";
import { Failure } from "../../failure.ts";
import { addCount, MOST_IN_MESSAGE } from "../counted-step.ts";
import { isWhole, readJsonLines, shown } from "../json-lines.ts";

/** What one rank's routers chose in one step, by the rank's own number of a layer. */
export interface TraceStep {
  step: number;
  layers: Map<number, { counts: number[]; forwards: number }>;
}

interface Row {
  step: number;
  block?: string;
  layer: number;
  topk: number;
  top_indices: number[][];
}

/** What two ranks are compared by. */
interface StepDigest {
  digest: string;
  records: number;
  changes: number;
}

/** So many times a choice must differ from that of the token before it, until two equal lists of choices are no accident. */
const ENOUGH_CHANGES = 32;

export class TraceFile {
  readonly rank: number;
  readonly path: string;
  /** Of the first record; undefined when the file has none. */
  readonly topK: number | undefined;
  /** Numbers of all layers of the decoder in the file. */
  readonly layers: ReadonlySet<number>;
  /** Records of multi-token prediction, which are passed over. */
  readonly otherBlocks: number;
  /** 1 when the last line is cut off. */
  readonly cutOff: number;
  readonly steps: ReadonlyMap<number, StepDigest>;
  /** Layers whose every forward stands twice in every step, computed again for the backward. */
  readonly twice: ReadonlySet<number>;

  private constructor(rank: number, path: string, scan: Scan) {
    this.rank = rank;
    this.path = path;
    this.topK = scan.topK;
    this.layers = new Set(scan.layers.keys());
    this.otherBlocks = scan.otherBlocks;
    this.cutOff = scan.cutOff.lines;
    this.steps = scan.steps;
    this.twice = new Set([...scan.layers].filter(([, layer]) => layer.standsTwice()).map(([number]) => number));
  }

  /** Reads the file once to its end. @throws Failure that names the line which is wrong */
  static async open(rank: number, path: string): Promise<TraceFile> {
    return new TraceFile(rank, path, await scanOf(path));
  }

  get firstStep(): number {
    return this.steps.keys().next().value ?? Number.POSITIVE_INFINITY;
  }

  /** Whether all that both files have whole is the same choices, and these are more than an accident. */
  hasChoicesOf(other: TraceFile): boolean {
    let changes = 0;
    for (const [step, mine] of this.steps) {
      const theirs = other.steps.get(step);
      // A rank that was killed may have left a part of its last step.
      if (theirs === undefined || theirs.records !== mine.records) continue;
      if (theirs.digest !== mine.digest) return false;
      changes += mine.changes;
    }
    return changes >= ENOUGH_CHANGES;
  }

  /** Ascending, micro-batches added up, and those computed twice counted once. */
  async *choices(): AsyncGenerator<TraceStep> {
    let growing: TraceStep | undefined;
    const unpaired = new Unpaired();
    for await (const { row } of rowsOf(this.path, { lines: 0 })) {
      if (isOther(row)) continue;
      if (growing?.step !== row.step) {
        if (growing !== undefined) yield growing;
        unpaired.clear();
        growing = { step: row.step, layers: new Map() };
      }
      if (this.twice.has(row.layer) && !unpaired.add(digestOf(row).digest)) continue;
      const layer = growing.layers.get(row.layer) ?? { counts: [], forwards: 0 };
      growing.layers.set(row.layer, layer);
      for (const experts of row.top_indices) for (const expert of experts) addCount(layer, expert, 1);
      layer.forwards++;
    }
    if (growing !== undefined) yield growing;
  }
}

/** Forwards that have not been seen a second time yet. */
class Unpaired {
  readonly #digests = new Set<string>();

  /** @returns false for the second of a pair */
  add(digest: string): boolean {
    if (this.#digests.delete(digest)) return false;
    this.#digests.add(digest);
    return true;
  }

  get isEmpty(): boolean {
    return this.#digests.size === 0;
  }

  clear(): void {
    this.#digests.clear();
  }
}

interface Scan {
  topK: number | undefined;
  layers: Map<number, Forwards>;
  otherBlocks: number;
  cutOff: { lines: number };
  steps: Map<number, StepDigest>;
}

async function scanOf(path: string): Promise<Scan> {
  const scan: Scan = { topK: undefined, layers: new Map(), otherBlocks: 0, cutOff: { lines: 0 }, steps: new Map() };
  let last = -1;
  for await (const { row, where } of rowsOf(path, scan.cutOff)) {
    scan.topK ??= row.topk;
    if (row.topk !== scan.topK) throw new Failure(`${where}: topk is ${row.topk}, but ${scan.topK} in the first line`);
    if (row.step < last) throw new Failure(`${where}: step ${row.step} comes after step ${last}`);
    last = row.step;
    if (isOther(row)) {
      scan.otherBlocks++;
      continue;
    }
    const record = digestOf(row);
    const layer = scan.layers.get(row.layer) ?? new Forwards();
    scan.layers.set(row.layer, layer);
    layer.add(row.step, record);
    const before = scan.steps.get(row.step) ?? { digest: "", records: 0, changes: 0 };
    const digest = sha1(before.digest + record.digest);
    scan.steps.set(row.step, { digest, records: before.records + 1, changes: before.changes + record.changes });
  }
  return scan;
}

/** The forwards of a layer, of which a recomputation leaves every one twice. */
class Forwards {
  #step: number | undefined;
  readonly #unpaired = new Unpaired();
  #pairs = { steps: 0, all: true };
  #changes = 0;

  add(step: number, { digest, changes }: { digest: string; changes: number }): void {
    if (this.#step !== undefined && step !== this.#step) this.#endStep();
    this.#step = step;
    this.#changes += changes;
    this.#unpaired.add(digest);
  }

  /** The last step says nothing where there are others: a kill may have left a part of it. */
  standsTwice(): boolean {
    if (this.#pairs.steps === 0) this.#endStep();
    return this.#pairs.all && this.#changes >= 2 * ENOUGH_CHANGES;
  }

  #endStep(): void {
    this.#pairs = { steps: this.#pairs.steps + 1, all: this.#pairs.all && this.#unpaired.isEmpty };
    this.#unpaired.clear();
  }
}

function digestOf({ layer, top_indices: choices }: Row): { digest: string; changes: number } {
  const isChange = (experts: number[], token: number) =>
    experts.some((expert, at) => expert !== choices[token - 1]?.[at]);
  return { digest: sha1(`${layer}:${choices.join(";")}`), changes: choices.filter(isChange).length };
}

function sha1(text: string): string {
  return createHash("sha1").update(text).digest("base64");
}

const isOther = ({ block = "decoder" }: Row) => block !== "decoder";

async function* rowsOf(path: string, cutOff: { lines: number }): AsyncGenerator<{ row: Row; where: string }> {
  for await (const { value, where } of readJsonLines(path, cutOff)) yield { row: rowOf(value, where), where };
}

function rowOf(value: unknown, where: string): Row {
  const row = (value ?? {}) as Partial<Row>;
  for (const name of ["step", "layer", "topk"] as const) {
    if (!isWhole(row[name], name === "topk" ? 1 : 0) || (name === "layer" && row.layer! > MOST_IN_MESSAGE))
      throw new Failure(`${where}: ${name} is ${shown(row[name])}; a routing trace has a whole number there`);
  }
  const { topk, top_indices } = row;
  const isToken = (experts: unknown) => {
    return Array.isArray(experts) && experts.length === topk && experts.every((expert) => isWhole(expert));
  };
  if (!Array.isArray(top_indices) || !top_indices.every(isToken))
    throw new Failure(`${where}: top_indices is no list of ${topk} experts for each token`);
  const beyond = row.top_indices!.flat().find((expert) => expert >= LIMITS.experts.most);
  if (beyond !== undefined)
    throw new Failure(`${where}: there is an expert ${beyond}; a layer has at most ${LIMITS.experts.most}`);
  return row as Row;
}
