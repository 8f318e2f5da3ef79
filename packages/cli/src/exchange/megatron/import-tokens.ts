// Megatron-LM's tokens-per-expert log (`tokens_per_expert/rank*.jsonl`) as a run. The format stands in rank-file.ts.
//
// Ranks are added up, not kept apart: a rank writes what its experts received from a whole expert-parallel group, so no rank's counts are
// those of tokens of its own. That every layer has top-k × tokens assignments is checked in every step, because so much that doubles a
// count is not in the files: stages, slices of experts, chunks of a virtual pipeline, padding, and forwards computed again.
import { statSync } from "node:fs";
import { basename } from "node:path";
import type { v1 } from "@moescope/proto";
import { Failure } from "../../failure.ts";
import { addCounts, type CountedStep, countsAt, incomingCounts } from "../counted-step.ts";
import type { IncomingRun } from "../incoming-run.ts";
import { filesByRank } from "./files-by-rank.ts";
import { RankFile, type RankIteration } from "./rank-file.ts";
import { type RankGrid, rankGrid, type Spread } from "./rank-grid.ts";

const FILE = /^rank(\d+)\.jsonl(\.gz)?$/;
/** The log does not say what kind of token it counts. */
const CATEGORY = "all";

export interface TokensOptions extends Spread {
  topK: number;
  /** Global batch × sequence length. */
  tokensPerStep: number;
  split: v1.Split;
}

/** What was passed over, for the notes. */
interface Left {
  /** Iterations that not every rank wrote, and a rank that did not. */
  unfinished: Map<number, number>;
  /** Steps with micro-batches that were computed twice. */
  recomputed: Set<number>;
}

/**
 * @param path the folder, or one file of it
 * @throws Failure that names the line, rank or iteration which is wrong
 */
export async function readTokensPerExpert(path: string, options: TokensOptions): Promise<IncomingRun> {
  const opened: RankFile[] = [];
  for (const [rank, file] of rankFiles(path)) opened.push(await RankFile.open(rank, file));
  const files = opened.filter(({ experts }) => experts > 0);
  if (files.length === 0) throw new Failure(`${path} holds no counts of the decoder's experts`);
  const lastRank = opened.at(-1)!.rank;
  const grid = rankGrid(files, lastRank, options);
  const left: Left = { unfinished: new Map(), recomputed: new Set() };
  const read = () => stepsOf(files, grid, options, left);
  const time = statSync(files[0]!.path).mtimeMs;
  const incoming = await incomingCounts(read, { topK: options.topK, experts: grid.experts, time });
  return { ...incoming, notes: [...incoming.notes, ...notesOf(opened, left)] };
}

function rankFiles(path: string): [rank: number, file: string][] {
  return statSync(path).isFile() ? [[0, path]] : filesByRank(path, FILE, "rank*.jsonl");
}

function notesOf(files: readonly RankFile[], { unfinished, recomputed }: Left): string[] {
  const sum = (of: (file: RankFile) => number) => files.reduce((total, file) => total + of(file), 0);
  const cut = files.filter(({ cutOff }) => cutOff > 0).map(({ path }) => basename(path));
  const [first] = unfinished;
  return [
    [
      sum(({ otherBlocks }) => otherBlocks),
      (n: number) => `Passed over: ${n} lines of multi-token prediction`,
    ] as const,
    [cut.length, () => `Passed over: a last line that is cut off, in ${cut.join(", ")}`] as const,
    [
      sum(({ restarts }) => restarts),
      (n: number) => `Iterations written again after a restart (${n} in all files): the later ones count`,
    ] as const,
    [
      unfinished.size,
      (n: number) =>
        `Passed over: ${n} iterations that some rank did not write, as rank ${first![1]} iteration ${first![0]}`,
    ] as const,
    [
      recomputed.size,
      (n: number) => `Micro-batches stand twice in ${n} steps, computed again for the backward: counted once`,
    ] as const,
  ].flatMap(([count, text]) => (count > 0 ? [text(count)] : []));
}

async function* stepsOf(
  files: readonly RankFile[],
  grid: RankGrid,
  options: TokensOptions,
  left: Left,
): AsyncGenerator<CountedStep> {
  let whole = 0;
  for await (const { iteration, parts } of together(files)) {
    const missing = missingRank(files, iteration, parts, grid);
    if (missing === undefined) {
      whole++;
      yield stepOf(iteration, parts, grid, options, left);
    } else left.unfinished.set(iteration, missing);
  }
  if (whole > 0) return;
  const [first] = left.unfinished;
  throw new Failure(
    `No iteration was written by every rank; iteration ${first![0]} is not whole in the file of rank ${first![1]}`,
  );
}

type Parts = ReadonlyMap<number, RankIteration>;

/** Iterations ascending, each with what the ranks wrote of it. */
async function* together(files: readonly RankFile[]): AsyncGenerator<{ iteration: number; parts: Parts }> {
  const readers = files.map((file) => file.iterations());
  const heads = await Promise.all(readers.map((reader) => reader.next()));
  for (;;) {
    const iteration = Math.min(...heads.map(({ done, value }) => (done ? Number.POSITIVE_INFINITY : value.iteration)));
    if (iteration === Number.POSITIVE_INFINITY) return;
    const written = files.flatMap((_, index) => (heads[index]!.value?.iteration === iteration ? [index] : []));
    yield { iteration, parts: new Map(written.map((index) => [files[index]!.rank, heads[index]!.value!])) };
    const next = await Promise.all(written.map((index) => readers[index]!.next()));
    for (const [place, index] of written.entries()) heads[index] = next[place]!;
  }
}

/**
 * A rank that did not write the iteration, or not in all layers that its stage has. Where all that a restart wrote is this one
 * iteration, a rank whose restart did not begin with it may have it from before: then it did not write it either.
 */
function missingRank(files: readonly RankFile[], iteration: number, parts: Parts, grid: RankGrid): number | undefined {
  const isAllThatWasRestarted = files.some(
    ({ lastRestart: last }) => last?.from === iteration && last.to === iteration,
  );
  const isWhole = ({ rank, lastRestart }: RankFile) =>
    parts.get(rank)?.layers.size === grid.moeLayers(grid.place(rank).stage) &&
    (!isAllThatWasRestarted || lastRestart?.from === iteration);
  return files.find((file) => !isWhole(file))?.rank;
}

function stepOf(iteration: number, parts: Parts, grid: RankGrid, options: TokensOptions, left: Left): CountedStep {
  const step: CountedStep = { step: iteration - 1, split: options.split, layers: new Map() };
  const inPairs = new Map<number, boolean>();
  for (const [rank, part] of parts) {
    const { stage, firstExpert, copy } = grid.place(rank);
    for (const [own, forwards] of part.layers) {
      const layer = grid.layer(stage, own);
      if (copy > 0) {
        refuseOtherCopy(forwards, parts.get(rank - copy)!.layers.get(own), rank, copy, iteration);
        continue;
      }
      inPairs.set(layer, (inPairs.get(layer) ?? true) && standTwice(forwards));
      const { counts } = countsAt(step, layer, CATEGORY);
      for (const forward of forwards) addCounts(counts, firstExpert, forward);
    }
  }
  for (const [layer, categories] of step.layers) {
    const { counts } = categories.get(CATEGORY)!;
    if (checked(counts, inPairs.get(layer)!, `Iteration ${iteration}, layer ${layer}`, options)) continue;
    left.recomputed.add(iteration);
    for (const [expert, count] of counts.entries()) counts[expert] = count / 2;
  }
  return step;
}

function refuseOtherCopy(
  forwards: number[][],
  others: number[][] | undefined,
  rank: number,
  copy: number,
  iteration: number,
): void {
  if (JSON.stringify(forwards) === JSON.stringify(others)) return;
  throw new Failure(
    `Iteration ${iteration}: ranks ${rank - copy} and ${rank} have different counts, but --expert-tensor-parallel says that they hold slices of the same experts`,
  );
}

/** Whether every forward has another with the same counts, as when it was computed again. */
function standTwice(forwards: readonly number[][]): boolean {
  const odd = new Set<string>();
  for (const forward of forwards) {
    const text = forward.join();
    if (!odd.delete(text)) odd.add(text);
  }
  return odd.size === 0;
}

/** @returns false when every forward was counted twice. @throws Failure when the layer has not top-k × tokens assignments */
function checked(counts: readonly number[], inPairs: boolean, where: string, options: TokensOptions): boolean {
  const { topK, tokensPerStep } = options;
  const assignments = counts.reduce((sum, count) => sum + count, 0);
  const expected = topK * tokensPerStep;
  if (assignments === expected) return true;
  if (assignments === 2 * expected && inPairs) return false;
  const more = [
    "pipeline stages (--stage-layers) or slices of experts (--expert-tensor-parallel) that were not said",
    "chunks of a virtual pipeline, whose layers share lines, or padding for FP8, neither of which can be told from the counts",
  ];
  const less = ["files of ranks that are missing", "a capacity that dropped assignments, which the files do not say"];
  throw new Failure(
    `${where}: ${assignments} assignments, expected ${expected} = top-k ${topK} × ${tokensPerStep} tokens (--tokens-per-step). Possible: ${(assignments > expected ? more : less).join("; ")}`,
  );
}
