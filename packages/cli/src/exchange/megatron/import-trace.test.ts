// Routing traces as Megatron-LM writes them, of runs spread over ranks in every way, against the choices that were counted before any rank.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gathered } from "../../testing/gathered.ts";
import { type Counts, count, incomingCountsOf } from "../../testing/incoming-counts.ts";
import { temporaryDirectory } from "../../testing/moescope.ts";
import { random } from "../../testing/random.ts";
import { readRoutingTrace } from "./import-trace.ts";

const EXPERTS = 8;
const TOP_K = 2;
/** Enough that ranks with equal choices have the same tokens. */
const TOKENS = 64;

interface Run {
  seed: number;
  /** Transformer blocks of each pipeline stage; the last one of each has experts. */
  stages: number[];
  tensorParallel: number;
  dataParallel: number;
  microBatches: number;
  steps: number;
  recomputed: boolean;
  /** Whether layers are numbered over the whole model. */
  global: boolean;
  /** By rank how many steps it misses at the beginning; of ranks beyond the end, none. */
  late: number[];
}

const run: fc.Arbitrary<Run> = fc.record({
  seed: fc.nat(),
  stages: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }),
  tensorParallel: fc.integer({ min: 1, max: 2 }),
  dataParallel: fc.integer({ min: 1, max: 2 }),
  microBatches: fc.integer({ min: 1, max: 2 }),
  steps: fc.integer({ min: 2, max: 3 }),
  recomputed: fc.boolean(),
  global: fc.boolean(),
  late: fc.array(fc.nat({ max: 1 }), { maxLength: 3 }),
});

interface Written {
  /** By rank its lines. */
  lines: string[][];
  counts: Counts;
  /** By step the tokens of the fullest layer. */
  tokens: Map<number, number>;
}

/** Tensor-parallel ranks are next to each other, pipeline stages outermost; tensor-parallel ranks begin together. */
function written({ stages, tensorParallel, dataParallel, late, ...run }: Run): Written {
  const from = random(run.seed);
  const perStage = tensorParallel * dataParallel;
  const lines: string[][] = Array.from({ length: stages.length * perStage }, () => []);
  const counts: Counts = {};
  const tokens = new Map<number, number>();
  for (let step = 0; step < run.steps; step++) {
    let offset = 0;
    for (const [stage, blocks] of stages.entries()) {
      const layer = offset + blocks - 1;
      let ofStage = 0;
      for (let replica = 0; replica < dataParallel; replica++) {
        if (step < (late[stage * dataParallel + replica] ?? 0)) continue;
        const forwards = Array.from({ length: run.microBatches }, () =>
          Array.from({ length: TOKENS }, () => from.different(TOP_K, EXPERTS)),
        );
        for (const expert of forwards.flat(2)) count(counts, `${step}/${layer}/all`, expert, EXPERTS);
        ofStage += TOKENS * run.microBatches;
        for (let copy = 0; copy < tensorParallel; copy++) {
          const rank = stage * perStage + replica * tensorParallel + copy;
          const number = run.global ? layer : blocks - 1;
          const records = forwards.map((choices) => record(step, number, rank, choices));
          lines[rank]!.push(...records, ...(run.recomputed ? [...records].reverse() : []));
        }
      }
      tokens.set(step, Math.max(tokens.get(step) ?? 0, ofStage));
      offset += blocks;
    }
  }
  return { lines, counts, tokens };
}

function record(step: number, layer: number, rank: number, top_indices: number[][], block = "decoder"): string {
  const shape = { num_tokens: top_indices.length, topk: TOP_K, top_indices };
  return JSON.stringify({ step, stage: "pre_dispatch", block, layer, rank, ...shape });
}

function traceOf(files: readonly string[]): string {
  const folder = join(temporaryDirectory(), "trace");
  mkdirSync(folder);
  for (const [rank, text] of files.entries()) writeFileSync(join(folder, `router_trace_rank${rank}.jsonl`), text);
  return folder;
}

async function withTrace<Result>(files: readonly string[], work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = traceOf(files);
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join("");

/** Tokens of a step as they are stored: those of its fullest layer. */
async function tokensOf(folder: string, stageLayers?: number[]): Promise<Map<number, number>> {
  const { steps } = await readRoutingTrace(folder, { stageLayers });
  const ofStep = (await gathered(steps)).map(({ step, histograms }): [number, number] => [
    step!,
    Math.max(...histograms!.map(({ categories }) => categories!.reduce((sum, { tokens }) => sum + tokens!, 0))),
  ]);
  return new Map(ofStep);
}

describe("reads what was chosen", () => {
  it("however the run was spread over ranks, whose tokens they had and what they computed twice", async () => {
    await fc.assert(
      fc.asyncProperty(run, async (given) => {
        const { lines, counts, tokens } = written(given);
        await withTrace(lines.map(text), async (folder) => {
          const options = { experts: EXPERTS, stageLayers: given.stages };
          expect(await incomingCountsOf(await readRoutingTrace(folder, options))).toEqual(counts);
          tokens.delete([...tokens].find(([, most]) => most === 0)?.[0] ?? -1); // nobody had begun
          expect(await tokensOf(folder, given.stages)).toEqual(tokens);
        });
      }),
      { numRuns: 60 },
    );
  });

  it("of stages whose layers are numbered over the whole model, though nobody says what they are", async () => {
    await fc.assert(
      fc.asyncProperty(run, async (drawn) => {
        const given = { ...drawn, global: true, dataParallel: 1, late: [] };
        const { lines, counts, tokens } = written(given);
        await withTrace(lines.map(text), async (folder) => {
          expect(await incomingCountsOf(await readRoutingTrace(folder, { experts: EXPERTS }))).toEqual(counts);
          expect(await tokensOf(folder)).toEqual(tokens);
        });
      }),
      { numRuns: 40 },
    );
  });

  it("up to where a rank was killed, and says so, wherever that was", async () => {
    await fc.assert(
      fc.asyncProperty(run, fc.nat(), async (drawn, at) => {
        const given = {
          ...drawn,
          stages: [1, 1],
          global: true,
          dataParallel: 1,
          tensorParallel: 1,
          recomputed: false,
          late: [],
        };
        const { lines } = written(given);
        const whole = text(lines[1]!);
        const kept = at % whole.length;
        const left = lines[1]!.filter((_, line) => text(lines[1]!.slice(0, line + 1)).length - 1 <= kept);
        const cut = kept > text(left).length;
        const expected = await withTrace([text(lines[0]!), text(left)], readCounts);
        const read = await withTrace([text(lines[0]!), whole.slice(0, kept)], readCounts);
        expect(read.counts).toEqual(expected.counts);
        expect(read.notes.some((note) => /last line that is cut off, in router_trace_rank1\.jsonl/.test(note))).toBe(
          cut,
        );
      }),
      { numRuns: 60 },
    );
  });
});

it("what one of two ranks with the same tokens was killed before it wrote, from the other", async () => {
  await fc.assert(
    fc.asyncProperty(run, fc.nat(), fc.boolean(), async (drawn, at, first) => {
      const { lines, counts } = written({ ...drawn, stages: [2], dataParallel: 1, tensorParallel: 2, late: [] });
      const whole = text(lines[0]!);
      const firstStep = text(lines[0]!.filter((line) => JSON.parse(line).step === 0)).length;
      const cut = whole.slice(0, firstStep + (at % (whole.length - firstStep)));
      const read = await withTrace(first ? [cut, whole] : [whole, cut], readCounts);
      expect(read.counts).toEqual(counts);
    }),
    { numRuns: 60 },
  );
});

async function readCounts(folder: string): Promise<{ counts: Counts; notes: readonly string[] }> {
  const incoming = await readRoutingTrace(folder, { experts: EXPERTS });
  return { counts: await incomingCountsOf(incoming), notes: incoming.notes };
}

const given: Run = {
  ...{ seed: 1, stages: [2, 2], tensorParallel: 1, dataParallel: 1, microBatches: 2, steps: 2 },
  ...{ recomputed: false, global: false, late: [] },
};

describe("says", () => {
  const cases: [string, Partial<Run>, RegExp][] = [
    [
      "which ranks have the same tokens",
      { tensorParallel: 2, stages: [2] },
      /The same choices, counted once: ranks 0, 1/,
    ],
    [
      "what was computed twice",
      { recomputed: true, stages: [2] },
      /computed again for the backward: counted once, in rank 0/,
    ],
    ["who came late", { late: [1], global: true }, /Not every rank wrote every step, as rank 0 step 0/],
  ];
  it.each(cases)("%s", async (_, change, note) => {
    const { lines } = written({ ...given, ...change });
    expect((await withTrace(lines.map(text), readCounts)).notes.join("\n")).toMatch(note);
  });

  it("which rank wrote nothing", async () => {
    const { lines, counts } = written({ ...given, stages: [2] });
    const read = await withTrace(["", text(lines[0]!)], readCounts);
    expect(read.counts).toEqual(counts);
    expect(read.notes).toContain("Nothing was written by rank 0");
  });

  it("what is of multi-token prediction", async () => {
    const { lines, counts } = written({ ...given, stages: [2] });
    const read = await withTrace([text([...lines[0]!, record(1, 1, 0, [[0, 1]], "mtp")])], readCounts);
    expect(read.counts).toEqual(counts);
    expect(read.notes.join()).toMatch(/1 records of other blocks than the decoder/);
  });
});

it("adds up ranks that all chose one expert: equal choices of a collapsed router are no copies", async () => {
  const collapsed = record(
    0,
    0,
    0,
    Array.from({ length: TOKENS }, () => [3, 1]),
  );
  await withTrace([text([collapsed]), text([collapsed])], async (folder) => {
    expect(await tokensOf(folder, [1])).toEqual(new Map([[0, 2 * TOKENS]]));
  });
});

it("reads compressed files as others", async () => {
  const { lines, counts } = written({ ...given, stages: [2] });
  const folder = traceOf([]);
  writeFileSync(join(folder, "router_trace_rank0.jsonl.gz"), gzipSync(text(lines[0]!)));
  expect((await readCounts(folder)).counts).toEqual(counts);
});

describe("refuses", () => {
  const token = record(0, 0, 0, [[0, 1]]);
  const cases: [string, string[], number[] | undefined, RegExp][] = [
    [
      "layers that may be one or several",
      written(given).lines.map(text),
      undefined,
      /Ranks 0 and 1 both have a layer 1.*--stage-layers 2 for one stage, --stage-layers 2,2 for two/,
    ],
    ["stages that ranks cannot have", [token, token, token], [1, 1], /3 ranks, no multiple of the 2 stages/],
    [
      "a layer that its stage has not",
      written(given).lines.map(text),
      [1, 2],
      /rank0.* has a layer 1, but .* stage, 0, 1/,
    ],
    ["a folder in which nobody wrote", ["", ""], undefined, /no rank has written a record/],
    ["a damaged line before the last", [`${token}\n{"step"\n${token}\n`], undefined, /rank0\.jsonl, line 2 is no JSON/],
    ["steps that go back", [text([record(1, 0, 0, [[0, 1]]), token])], undefined, /line 2: step 0 comes after step 1/],
    [
      "an expert that cannot be",
      [record(0, 0, 0, [[0, 2 ** 32]])],
      undefined,
      /line 1: there is an expert 4294967296; a layer has at most 65536/,
    ],
    ["a layer that cannot be", [record(0, 2 ** 32, 0, [[0, 1]])], undefined, /line 1: layer is 4294967296/],
    [
      "a token with too few experts",
      [record(0, 0, 0, [[0]])],
      undefined,
      /line 1: top_indices is no list of 2 experts/,
    ],
  ];
  it.each(cases)("%s", async (_, files, stageLayers, message) => {
    await expect(withTrace(files, (folder) => readRoutingTrace(folder, { stageLayers }))).rejects.toThrow(message);
  });
});
