// Traces as the three tools for llama.cpp write them, against the choices that were counted before any row was written.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { v1 } from "@moescope/proto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Counts, count, incomingCountsOf } from "../../testing/incoming-counts.ts";
import { temporaryDirectory } from "../../testing/moescope.ts";
import { type Random, random } from "../../testing/random.ts";
import { readLlamaTrace, type TraceOptions } from "./import-trace.ts";

const options: TraceOptions = { split: v1.Split.TRAIN };

interface Model {
  layers: number[];
  experts: number;
  topK: number;
}

/** Two layers at least: of one alone, passes cannot be told apart where rows do not name their token. */
const model = fc
  .record({
    layers: fc.uniqueArray(fc.nat({ max: 60 }), { minLength: 2, maxLength: 4 }),
    experts: fc.integer({ min: 1, max: 9 }),
    topK: fc.integer({ min: 1, max: 4 }),
  })
  .map(
    (given): Model => ({
      ...given,
      topK: Math.min(given.topK, given.experts),
      layers: given.layers.sort((a, b) => a - b),
    }),
  );

/** Tokens of each pass of the prompt, and how many are decoded after it. */
const work = fc.record({
  prefill: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 3 }),
  decoded: fc.nat({ max: 4 }),
});

interface Pass {
  phase: "prefill" | "decode";
  /** Of the first token in the sequence. */
  token: number;
  /** By layer and token. */
  chosen: number[][][];
}

function passesOf({ layers, experts, topK }: Model, prefill: number[], decoded: number, from: Random): Pass[] {
  let token = 0;
  const pass = (phase: Pass["phase"], tokens: number) => {
    const chosen = layers.map(() => Array.from({ length: tokens }, () => from.different(topK, experts)));
    token += tokens;
    return { phase, token: token - tokens, chosen };
  };
  return [
    ...prefill.map((tokens) => pass("prefill", tokens)),
    ...Array.from({ length: decoded }, () => pass("decode", 1)),
  ];
}

type Rows = (model: Model, passes: readonly Pass[]) => string[];

const rows: Record<string, Rows> = {
  "pull request 28544": ({ layers }, passes) =>
    passes.flatMap(({ chosen }) =>
      chosen.flatMap((tokens, place) => tokens.flat().map((expert) => `${layers[place]},${expert}`)),
    ),
  thecodacus: ({ layers }, passes) => {
    const prompt = passes.findLast(({ phase }) => phase === "prefill")!;
    const end = prompt.token + prompt.chosen[0]!.length;
    return passes.flatMap(({ phase, token, chosen }) =>
      chosen.flatMap((tokens, place) =>
        tokens.map((experts, index) => {
          const position = phase === "prefill" ? -(token + tokens.length - index) : token - end;
          return [position, layers[place], ...experts].join();
        }),
      ),
    );
  },
  Cartaz: ({ layers }, passes) => [
    "phase,token,layer,rank,expert",
    ...passes.flatMap(({ phase, token, chosen }) =>
      chosen.flatMap((tokens, place) =>
        tokens.flatMap((experts, index) =>
          experts.map((expert, rank) => [phase, token + index, layers[place], rank, expert].join()),
        ),
      ),
    ),
  ],
};

function truthOf({ layers, experts }: Model, passes: readonly Pass[], hasPhases: boolean): Counts {
  const truth: Counts = {};
  for (const [step, { phase, chosen }] of passes.entries()) {
    for (const [place, tokens] of chosen.entries()) {
      for (const expert of tokens.flat())
        count(truth, `${step}/${layers[place]}/${hasPhases ? phase : "all"}`, expert, experts);
    }
  }
  return truth;
}

function written(text: string, name = "trace.csv"): string {
  const path = join(temporaryDirectory(), name);
  writeFileSync(path, name.endsWith(".gz") ? gzipSync(text) : text);
  return path;
}

describe.each(Object.entries(rows))("%s", (name, rowsOf) => {
  const saysTopK = name !== "pull request 28544";

  it("every choice is counted once, in the pass that made it", async () => {
    const way = fc.record({
      end: fc.constantFrom("\n", "\r\n", "\n\n"),
      gz: fc.boolean(),
      cut: fc.boolean(),
      bom: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.nat(), model, work, work, way, async (seed, model, first, second, { end, gz, cut, bom }) => {
        const from = random(seed);
        // Two traces that were joined.
        const traces = [first, second].map(({ prefill, decoded }) => passesOf(model, prefill, decoded, from));
        const lines = traces.flatMap((passes) => rowsOf(model, passes));
        const text = `${bom ? "\uFEFF" : ""}${lines.map((line) => line + end).join("")}${cut ? lines.at(-1) : ""}`;
        const path = written(text, `trace.csv${gz ? ".gz" : ""}`);
        const given = { ...options, experts: model.experts, ...(saysTopK ? {} : { topK: model.topK }) };
        const incoming = await readLlamaTrace(path, given);
        expect(await incomingCountsOf(incoming)).toEqual(truthOf(model, traces.flat(), saysTopK));
        expect(incoming.shape.topK).toBe(model.topK);
      }),
      { numRuns: 100 },
    );
  });
});

it.each(["thecodacus", "Cartaz"])("%s: of a model with one MoE layer, every decoded token is a pass", async (name) => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), model, fc.integer({ min: 1, max: 4 }), async (seed, given, decoded) => {
      const one = { ...given, layers: [given.layers[0]!] };
      const passes = passesOf(one, [3], decoded, random(seed));
      const path = written(`${rows[name]!(one, passes).join("\n")}\n`);
      const incoming = await readLlamaTrace(path, { ...options, experts: one.experts });
      expect(await incomingCountsOf(incoming)).toEqual(truthOf(one, passes, true));
    }),
    { numRuns: 50 },
  );
});

it("a last pass that is not whole is passed over, wherever the tool was stopped", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      model,
      fc.constantFrom(...Object.keys(rows)),
      fc.nat(),
      async (seed, model, name, place) => {
        const passes = passesOf(model, [3, 2], 2, random(seed));
        const lines = rows[name]!(model, passes);
        const before = rows[name]!(model, passes.slice(0, -1));
        const text = `${lines.join("\n")}\n`;
        const start = before.join("\n").length + 1;
        const cut = start + (place % (text.length - start));
        const given = {
          ...options,
          experts: model.experts,
          ...(name === "pull request 28544" ? { topK: model.topK } : {}),
        };
        const incoming = await readLlamaTrace(written(text.slice(0, cut)), given);
        const truth = truthOf(model, passes.slice(0, -1), name !== "pull request 28544");
        expect(await incomingCountsOf(incoming)).toEqual(truth);
      },
    ),
    { numRuns: 100 },
  );
});

describe("ids that were read without their stride", () => {
  const large: Model = { layers: [0, 1, 2, 3], experts: 32, topK: 4 };
  const passes = (seed: number, tokens: number) => passesOf(large, [tokens], 3, random(seed));

  /** What the tool writes: k ids for each token, but of experts sorted by score, the first token's before the second's. */
  function misread(pass: Pass, from: Random): Pass {
    const chosen = pass.chosen.map((tokens) => {
      const sorted = tokens.flatMap((experts) => {
        const others = from.different(large.experts, large.experts).filter((expert) => !experts.includes(expert));
        return [...experts, ...others];
      });
      return tokens.map((_, index) => sorted.slice(index * large.topK, (index + 1) * large.topK));
    });
    return { ...pass, chosen };
  }

  it.each(["pull request 28544", "thecodacus"])(
    "%s: the passes are passed over, and what it decoded is kept",
    async (name) => {
      await fc.assert(
        fc.asyncProperty(fc.nat(), fc.integer({ min: 4, max: 40 }), async (seed, tokens) => {
          const [prefill, ...decoded] = passes(seed, tokens);
          const lines = rows[name]!(large, [misread(prefill!, random(seed + 1)), ...decoded]);
          const topK = name === "thecodacus" ? undefined : large.topK;
          const incoming = await readLlamaTrace(written(`${lines.join("\n")}\n`), {
            ...options,
            topK,
            experts: large.experts,
          });
          expect(await incomingCountsOf(incoming)).toEqual(truthOf(large, decoded, name === "thecodacus"));
          expect(incoming.notes).toContainEqual(
            expect.stringMatching(/^Passed over: 1 passes .* without their stride/),
          );
        }),
        { numRuns: 50 },
      );
    },
  );

  it("passes that were read rightly are kept, however long", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 4, max: 40 }), async (seed, tokens) => {
        const all = passes(seed, tokens);
        const path = written(`${rows["pull request 28544"]!(large, all).join("\n")}\n`);
        const incoming = await readLlamaTrace(path, { ...options, topK: large.topK, experts: large.experts });
        expect(await incomingCountsOf(incoming)).toEqual(truthOf(large, all, false));
      }),
      { numRuns: 50 },
    );
  });
});

it.each([
  ["", {}, /is empty/],
  ["step,layer,expert,count\n", {}, /begins with "step,layer,expert,count"; a trace of llama\.cpp begins with/],
  ["7\n", {}, /begins with "7"/],
  ["0,1\n", {}, /--top-k says how many/],
  ["0,1\n0,2\n0,1\n", { topK: 3 }, /line 3: a token goes to expert 1 twice; is top-k 3\?/],
  ["0,1\n0,2\n0,3\n", { topK: 2 }, /Step 0, layer 0, category all: 3 assignments are no multiple of top-k, 2/],
  ["0,1\n-1,2\n", { topK: 1 }, /line 2: layer is "-1"/],
  ["0,1\n0,NaN\n", { topK: 1 }, /line 2: expert is "NaN"/],
  ["0,1\n0,2,3\n", { topK: 1 }, /line 2 has 3 fields/],
  ["0,1\n0,4294967295\n", { topK: 1 }, /line 2: expert is "4294967295"; allowed .* to 65535/],
  ["0,1\n4294967296,1\n", { topK: 1 }, /line 2: layer is "4294967296"; allowed .* to 4294967295/],
  ["0,1\n0,99999999999999999999\n", { topK: 1 }, /line 2: expert is "99999999999999999999"/],
  ["0,0,1\n0,1,x\n", {}, /line 2: expert is "x"/],
  ["0,0,1\n1.5,1,2\n", {}, /line 2: the position is "1\.5"/],
  ["0,0,1\n1,1\n", {}, /line 2 names no expert/],
  ["0,0,1,2\n", { topK: 3 }, /--top-k is 3, but the trace has 2 experts for a token/],
  ["phase,token,layer,rank,expert\nwarm,0,0,0,1\n", {}, /line 2: phase is "warm"; allowed are prefill and decode/],
  ["phase,token,layer,rank,expert\ndecode,0,0,0\n", {}, /line 2 has not the five fields/],
  ["0,1\n0,9\n", { topK: 1, experts: 4 }, /Expert 9 has counts, but --experts is 4/],
])("a trace that is wrong is refused: %j", async (text, given, message) => {
  await expect(readLlamaTrace(written(text), { ...options, ...given })).rejects.toThrow(message);
});
