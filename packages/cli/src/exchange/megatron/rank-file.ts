// One rank's file of Megatron-LM's tokens-per-expert log.
//
// Format: NVIDIA/Megatron-LM, megatron/training/activation_logging.py, `ActivationLogger.save_tpe`, at commit d98e8a64 (August 2026; there
// since #3842 and #4412). `--save-tokens-per-expert-interval N` appends to `{save}/tokens_per_expert/rank{R}.jsonl`, one object a line:
//   {"iter": 100, "block": "decoder", "layer": 3, "tpe": [[128, 64], [96, 80]]}
//   {"iter": 100, "block": "mtp", "mtp_idx": 0, "layer": 1, "tpe": [[50, 50]]}
// `iter` is 1 for the first update. `layer` counts within the module that the rank holds: from 0 in every pipeline stage, and in every
// chunk of a virtual pipeline, whose layers then share a line. `tpe` has a list for each forward of `experts.linear_fc1`, so a micro-batch
// that is computed again for the backward stands twice; each list has the tokens that the experts of this rank received, from all ranks of
// the expert-parallel group. The file is opened to append, so a restart or a rerun of an iteration writes iterations again.
import { Failure } from "../../failure.ts";
import { isWhole, readJsonLines, shown } from "../json-lines.ts";

/** What one rank computed in one iteration. */
export interface RankIteration {
  iteration: number;
  /** By the rank's own number of a layer of the decoder: for each forward the counts of the rank's experts. */
  layers: Map<number, number[][]>;
}

interface Row {
  iter: number;
  block: string;
  mtp_idx?: number;
  layer: number;
  tpe: number[][];
}

export class RankFile {
  readonly rank: number;
  readonly path: string;
  /** Experts that the rank holds; 0 when the file is empty. */
  readonly experts: number;
  /** Numbers of all layers of the decoder in the file. */
  readonly layers: ReadonlySet<number>;
  /** Lines of multi-token prediction, which are passed over. */
  readonly otherBlocks: number;
  /** 1 when the last line is cut off. */
  readonly cutOff: number;
  /** The iteration that the last restart began with, and the last one that it wrote. */
  readonly lastRestart: { from: number; to: number } | undefined;
  /** For each stretch between restarts the first iteration that a later stretch writes again. */
  readonly #until: readonly number[];

  private constructor(rank: number, path: string, scan: Scan) {
    this.rank = rank;
    this.path = path;
    this.experts = scan.experts;
    this.layers = scan.layers;
    this.otherBlocks = scan.otherBlocks;
    this.cutOff = scan.cutOff.lines;
    const [from, to] = [scan.starts.at(-1), scan.lastIteration];
    this.lastRestart = from === undefined || scan.starts.length === 1 ? undefined : { from, to };
    this.#until = scan.starts.map((_, stretch) =>
      Math.min(Number.POSITIVE_INFINITY, ...scan.starts.slice(stretch + 1)),
    );
  }

  /** Reads the file once to its end. @throws Failure that names the line which is wrong */
  static async open(rank: number, path: string): Promise<RankFile> {
    return new RankFile(rank, path, await scanOf(path));
  }

  get restarts(): number {
    return Math.max(0, this.#until.length - 1);
  }

  /** Ascending. Where a restart wrote an iteration again, only what it wrote last. */
  async *iterations(): AsyncGenerator<RankIteration> {
    const stretches = new Stretches();
    let growing: RankIteration | undefined;
    for await (const { row } of rowsOf(this.path, { lines: 0 })) {
      stretches.next(row);
      if (row.block !== "decoder" || row.iter >= this.#until[stretches.number]!) continue;
      if (growing?.iteration !== row.iter) {
        if (growing !== undefined) yield growing;
        growing = { iteration: row.iter, layers: new Map() };
      }
      growing.layers.set(row.layer, row.tpe);
    }
    if (growing !== undefined) yield growing;
  }
}

interface Scan {
  experts: number;
  layers: Set<number>;
  otherBlocks: number;
  cutOff: { lines: number };
  /** First iteration of every stretch. */
  starts: number[];
  lastIteration: number;
}

async function scanOf(path: string): Promise<Scan> {
  const scan: Scan = {
    experts: 0,
    layers: new Set(),
    otherBlocks: 0,
    cutOff: { lines: 0 },
    starts: [],
    lastIteration: 0,
  };
  const stretches = new Stretches();
  for await (const { row, where } of rowsOf(path, scan.cutOff)) {
    if (stretches.next(row)) scan.starts.push(row.iter);
    scan.lastIteration = row.iter;
    if (row.block === "decoder") scan.layers.add(row.layer);
    else scan.otherBlocks++;
    for (const counts of row.block === "decoder" ? row.tpe : []) {
      scan.experts ||= counts.length;
      if (counts.length !== scan.experts)
        throw new Failure(`${where}: counts of ${counts.length} experts, but of ${scan.experts} further up`);
    }
  }
  return scan;
}

/** Tells a restart: an iteration below the last, or a line of the same iteration again. */
class Stretches {
  number = -1;
  #iteration = -1;
  #written = new Set<string>();

  /** @returns whether the row begins a stretch */
  next({ iter, block, mtp_idx, layer }: Row): boolean {
    const line = `${block} ${mtp_idx} ${layer}`;
    const begins = this.number < 0 || iter < this.#iteration || (iter === this.#iteration && this.#written.has(line));
    if (begins) this.number++;
    if (begins || iter !== this.#iteration) this.#written.clear();
    this.#iteration = iter;
    this.#written.add(line);
    return begins;
  }
}

async function* rowsOf(path: string, cutOff: { lines: number }): AsyncGenerator<{ row: Row; where: string }> {
  for await (const { value, where } of readJsonLines(path, cutOff)) yield { row: rowOf(value, where), where };
}

function rowOf(value: unknown, where: string): Row {
  const row = (value ?? {}) as Partial<Row>;
  if (!isWhole(row.iter, 1))
    throw new Failure(`${where}: iter is ${shown(row.iter)}; allowed are whole numbers from 1`);
  if (row.block !== "decoder" && row.block !== "mtp")
    throw new Failure(`${where}: block is ${shown(row.block)}; allowed are "decoder" and "mtp"`);
  if (!isWhole(row.layer))
    throw new Failure(`${where}: layer is ${shown(row.layer)}; allowed are whole numbers from 0`);
  const right =
    Array.isArray(row.tpe) &&
    row.tpe.length > 0 &&
    row.tpe.every((counts) => Array.isArray(counts) && counts.length > 0 && counts.every((count) => isWhole(count)));
  if (!right) throw new Failure(`${where}: tpe is ${shown(row.tpe)}; allowed is a list of counts for each micro-batch`);
  return row as Row;
}
