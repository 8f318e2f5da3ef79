// Files as Megatron-LM writes them, of runs spread over ranks in every way, against the choices that were counted before any rank.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { v1 } from "@moescope/proto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Counts, count, incomingCountsOf } from "../../testing/incoming-counts.ts";
import { temporaryDirectory } from "../../testing/moescope.ts";
import { type Random, random } from "../../testing/random.ts";
import { readTokensPerExpert, type TokensOptions } from "./import-tokens.ts";

interface Run {
  seed: number;
  /** Blocks of each pipeline stage, and which of them are MoE layers. */
  stages: boolean[][];
  /** Expert tensor, expert and expert data parallel. */
  etp: number;
  ep: number;
  edp: number;
  held: number;
  topK: number;
  microBatches: number;
  /** Tokens of one micro-batch of one expert-parallel group. */
  tokens: number;
  iterations: number;
}

const spread = fc
  .record({
    seed: fc.nat(),
    stages: fc.array(fc.array(fc.boolean(), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
    ...{ etp: fc.integer({ min: 1, max: 2 }), ep: fc.integer({ min: 1, max: 3 }), edp: fc.integer({ min: 1, max: 2 }) },
    ...{ held: fc.integer({ min: 1, max: 3 }), topK: fc.integer({ min: 1, max: 3 }) },
    ...{ microBatches: fc.integer({ min: 1, max: 3 }), tokens: fc.integer({ min: 1, max: 5 }) },
    iterations: fc.integer({ min: 1, max: 4 }),
  })
  .map((run): Run => {
    const stages = run.stages.map((blocks, stage) => (stage === run.stages.length - 1 ? [...blocks, true] : blocks));
    return { ...run, stages, topK: Math.min(run.topK, run.ep * run.held) };
  });

const ranksOf = ({ stages, etp, ep, edp }: Run) => stages.length * etp * ep * edp;

/** By rank its lines of one iteration; the choices are added to the truth. */
function iterationLines(run: Run, iteration: number, from: Random, truth: Counts, twice: boolean): string[][] {
  const { stages, etp, ep, edp, held, topK, microBatches, tokens } = run;
  const lines: string[][] = Array.from({ length: ranksOf(run) }, () => []);
  let first = 0;
  for (const [stage, blocks] of stages.entries()) {
    for (const [own, isMoe] of blocks.entries()) {
      if (!isMoe) continue;
      for (let replica = 0; replica < edp; replica++) {
        const forwards = Array.from({ length: microBatches }, () => {
          const counts = new Array<number>(ep * held).fill(0);
          for (let token = 0; token < tokens; token++) {
            for (const expert of from.different(topK, ep * held)) {
              counts[expert]!++;
              count(truth, `${iteration - 1}/${first + own}/all`, expert, ep * held);
            }
          }
          return counts;
        });
        // A forward that is computed again follows later, in any order.
        const written = twice ? forwards.flatMap((forward, index) => [forward, forwards.at(-1 - index)!]) : forwards;
        for (let expertRank = 0; expertRank < ep; expertRank++) {
          const tpe = written.map((counts) => counts.slice(expertRank * held, (expertRank + 1) * held));
          for (let copy = 0; copy < etp; copy++) {
            const rank = copy + etp * (expertRank + ep * (replica + edp * stage));
            lines[rank]!.push(pythonJson({ iter: iteration, block: "decoder", layer: own, tpe }));
          }
        }
      }
    }
    first += blocks.length;
  }
  return lines;
}

/** With the spaces of Python's json.dumps. */
function pythonJson(value: object): string {
  return JSON.stringify(value).replaceAll(",", ", ").replaceAll(":", ": ");
}

function optionsOf({ stages, etp, ep, edp, held, topK, microBatches, tokens }: Run): TokensOptions {
  return {
    ...{ topK, experts: ep * held, tokensPerStep: edp * microBatches * tokens, split: v1.Split.TRAIN },
    ...{ expertTensorParallel: etp, stageLayers: stages.map(({ length }) => length) },
  };
}

/** @param files by rank their text; ranks without lines have no file, as in Megatron */
function written(files: readonly string[], compressed = false): string {
  const folder = join(temporaryDirectory(), "tokens_per_expert");
  mkdirSync(folder);
  for (const [rank, text] of files.entries()) {
    if (text === "") continue;
    writeFileSync(join(folder, `rank${rank}.jsonl${compressed ? ".gz" : ""}`), compressed ? gzipSync(text) : text);
  }
  return folder;
}

function allLines(run: Run, truth: Counts, twice = false): string[][] {
  const from = random(run.seed);
  const lines: string[][] = Array.from({ length: ranksOf(run) }, () => []);
  for (let iteration = 1; iteration <= run.iterations; iteration++) {
    for (const [rank, more] of iterationLines(run, iteration, from, truth, twice).entries()) lines[rank]!.push(...more);
  }
  return lines;
}

const text = (lines: readonly string[], end = "\n") => lines.map((line) => `${line}${end}`).join("");

describe("every choice is found once, at its step, layer and expert", () => {
  it("however the run was spread over ranks and the lines were written", async () => {
    const way = fc.record({
      twice: fc.boolean(),
      compressed: fc.boolean(),
      end: fc.constantFrom("\n", "\r\n", "\n\n", "\n  \n"),
      before: fc.constantFrom("", "\uFEFF", "\n"),
    });
    await fc.assert(
      fc.asyncProperty(spread, way, async (run, { twice, compressed, end, before }) => {
        const truth: Counts = {};
        const lines = allLines(run, truth, twice);
        const mtp = pythonJson({ iter: 1, block: "mtp", mtp_idx: 0, layer: 0, tpe: [[1, 2, 3]] });
        const files = lines.map((own) => (own.length > 0 ? before + text([mtp, ...own], end) : ""));
        const incoming = await readTokensPerExpert(written(files, compressed), optionsOf(run));
        expect(await incomingCountsOf(incoming)).toEqual(truth);
        expect(incoming.notes).toContainEqual(expect.stringMatching(/multi-token prediction/));
        expect(incoming.shape).toMatchObject({ experts: run.ep * run.held, topK: run.topK });
        expect(incoming.notes.some((note) => /stand twice/.test(note))).toBe(twice);
      }),
      { numRuns: 60 },
    );
  });

  it("where restarts wrote iterations again, and where a killed rank left less", async () => {
    await fc.assert(
      fc.asyncProperty(spread, fc.nat(), fc.nat(), fc.boolean(), async (run, back, cut, kills) => {
        const truth: Counts = {};
        const lost: Counts = {};
        const first = allLines({ ...run, seed: run.seed + 1 }, lost);
        // From this iteration on everything is written again, otherwise.
        const again = 1 + (back % run.iterations);
        const second = allLines(run, truth).map((lines) => lines.filter((line) => JSON.parse(line).iter >= again));
        for (const key of Object.keys(truth)) if (Number(key.split("/")[0]) < again - 1) truth[key] = lost[key]!;
        const files = first.map((lines, rank) => text([...lines, ...second[rank]!]));
        const rank = files.findIndex((file) => file !== "");
        const last = second[rank]!.at(-1)!;
        const ends = second[rank]!.filter((line) => JSON.parse(line).iter === run.iterations).length;
        // Of a single rank whose restart wrote no whole line, what it wrote before stands.
        const stands = again === run.iterations && ends === 1 && files.filter((file) => file !== "").length === 1;
        if (kills && stands) {
          files[rank] = files[rank]!.slice(0, -1 - (1 + (cut % last.length)));
          for (const key of Object.keys(truth)) truth[key] = lost[key]!;
        } else if (kills) {
          files[rank] = files[rank]!.slice(0, -1 - (1 + (cut % last.length)));
          for (const key of Object.keys(truth)) if (key.startsWith(`${run.iterations - 1}/`)) delete truth[key];
        }
        const incoming = readTokensPerExpert(written(files), optionsOf(run));
        if (Object.keys(truth).length === 0) {
          await expect(incoming).rejects.toThrow(/No iteration was written by every rank/);
          return;
        }
        expect(await incomingCountsOf(await incoming)).toEqual(truth);
        if (kills && stands) return;
        expect((await incoming).notes).toContainEqual(expect.stringMatching(/after a restart/));
      }),
      { numRuns: 120 },
    );
  });
});

const small: Run = {
  ...{
    seed: 1,
    stages: [[true, true]],
    etp: 1,
    ep: 2,
    edp: 1,
    held: 2,
    topK: 2,
    microBatches: 1,
    tokens: 8,
    iterations: 2,
  },
};

describe("what the files cannot say is asked or refused", () => {
  const refusals: [what: string, run: Partial<Run>, options: Partial<TokensOptions>, message: RegExp][] = [
    ["several ranks without --experts", {}, { experts: undefined }, /needs --experts/],
    [
      "stages that were not said",
      { stages: [[true], [true]] },
      { stageLayers: undefined },
      /Iteration 1, layer 0: 32 assignments, expected 16.*--stage-layers/,
    ],
    [
      "stages that were said otherwise",
      { stages: [[true, true], [true]] },
      { stageLayers: [1, 2] },
      /Stage 0 has a layer 1, but --stage-layers gives it 1/,
    ],
    [
      "slices of experts that were not said",
      { etp: 2 },
      { expertTensorParallel: 1 },
      /32 assignments, expected 16.*--expert-tensor-parallel/,
    ],
    [
      "slices that hold different counts",
      { edp: 2 },
      { expertTensorParallel: 2 },
      /ranks 0 and 1 have different counts/,
    ],
    ["another number of tokens", {}, { tokensPerStep: 9 }, /16 assignments, expected 18 = top-k 2 × 9 tokens.*missing/],
    [
      "experts that ranks cannot share",
      {},
      { experts: 5 },
      /A rank holds 2 experts, of which --experts 5 is no multiple/,
    ],
    ["too few ranks for the experts", {}, { experts: 6 }, /2 ranks for each pipeline stage.*a multiple of 3/],
  ];
  it.each(refusals)("%s", async (_what, run, options, message) => {
    const spreadOut = { ...small, ...run };
    const folder = written(allLines(spreadOut, {}).map((lines) => text(lines)));
    await expect(readTokensPerExpert(folder, { ...optionsOf(spreadOut), ...options })).rejects.toThrow(message);
  });

  it("a rank's file that is missing, or there twice", async () => {
    const run = { ...small, edp: 2 };
    const files = allLines(run, {}).map((lines) => text(lines));
    await expect(readTokensPerExpert(written(files.with(1, "")), optionsOf(run))).rejects.toThrow(
      /no counts of rank 1,/,
    );
    const folder = written(files);
    writeFileSync(join(folder, "rank999999.jsonl"), files[1]!);
    await expect(readTokensPerExpert(folder, optionsOf(run))).rejects.toThrow(/no counts of rank 4,/);
    writeFileSync(join(folder, "rank99999999999999999999.jsonl"), files[1]!);
    await expect(readTokensPerExpert(folder, optionsOf(run))).rejects.toThrow(
      /of rank 100000000000000000000; a run has at most/,
    );
    rmSync(join(folder, "rank99999999999999999999.jsonl"));
    rmSync(join(folder, "rank999999.jsonl"));
    writeFileSync(join(folder, "rank1.jsonl.gz"), gzipSync(files[1]!));
    await expect(readTokensPerExpert(folder, optionsOf(run))).rejects.toThrow(/two files of rank 1/);
  });

  const row = { iter: 1, block: "decoder", layer: 0, tpe: [[1, 1]] };
  it.each([
    ['{"iter": 1, "block": "decoder", "layer": 0, "tpe": [[NaN, 1]]}', /line 1 is no JSON/],
    [JSON.stringify({ ...row, tpe: [[-1, 3]] }), /line 1: tpe is \[\[-1,3\]\]/],
    [JSON.stringify({ ...row, tpe: [[1.5, 0.5]] }), /line 1: tpe/],
    [JSON.stringify({ ...row, tpe: [[1e300, 1]] }), /line 1: tpe/],
    [JSON.stringify({ ...row, tpe: [] }), /line 1: tpe is \[\]/],
    [JSON.stringify({ ...row, iter: 0 }), /line 1: iter is 0; allowed are whole numbers from 1/],
    [JSON.stringify({ ...row, layer: "0" }), /line 1: layer is "0"/],
    [JSON.stringify({ ...row, block: "encoder" }), /line 1: block is "encoder"/],
    ["null", /line 1: iter is undefined/],
    [
      `${JSON.stringify(row)}\n${JSON.stringify({ ...row, layer: 1, tpe: [[1, 1, 1]] })}`,
      /line 2: counts of 3 experts, but of 2/,
    ],
    ['{"iter": 1, "bl', /line 1 is no JSON/],
  ])("a line that is wrong: %s", async (lines, message) => {
    const options = { topK: 1, tokensPerStep: 2, expertTensorParallel: 1, split: v1.Split.TRAIN };
    await expect(readTokensPerExpert(written([`${lines}\n`]), options)).rejects.toThrow(message);
  });
});
