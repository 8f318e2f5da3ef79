// Responses as vLLM's servers write them, against the choices that were counted before any array was made.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { v1 } from "@moescope/proto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gathered } from "../../testing/gathered.ts";
import { type Counts, count, incomingCountsOf } from "../../testing/incoming-counts.ts";
import { temporaryDirectory } from "../../testing/moescope.ts";
import { type Random, random } from "../../testing/random.ts";
import { type ResponseOptions, readRoutedExperts } from "./import-responses.ts";

const options: ResponseOptions = { split: v1.Split.TRAIN };

/** Experts by token, layer and choice. */
type Routing = number[][][];

type Type = "|u1" | "<u2" | ">u2" | "<i2" | "<i4" | "<i8";

/** As numpy.save writes an array. */
function npy(routing: Routing, type: Type, fortran: boolean): Buffer {
  const shape = [routing.length, routing[0]!.length, routing[0]![0]!.length] as const;
  const size = Number(type[2]);
  const data = Buffer.alloc(size * shape[0] * shape[1] * shape[2]);
  for (const [token, layers] of routing.entries()) {
    for (const [layer, experts] of layers.entries()) {
      for (const [choice, expert] of experts.entries()) {
        const c = (token * shape[1] + layer) * shape[2] + choice;
        const byte = size * (fortran ? token + shape[0] * (layer + shape[1] * choice) : c);
        if (type === ">u2") data.writeUInt16BE(expert, byte);
        else if (size === 8) data.writeBigInt64LE(BigInt(expert), byte);
        else if (type[1] === "u") data.writeUIntLE(expert, byte, size);
        else data.writeIntLE(expert, byte, size);
      }
    }
  }
  const header = `{'descr': '${type}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': (${shape.join(", ")}), }`;
  const padded = `${header.padEnd(Math.ceil((10 + header.length + 1) / 64) * 64 - 11)}\n`;
  const head = Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, padded.length % 256, padded.length >> 8]);
  return Buffer.concat([head, Buffer.from(padded, "latin1"), data]);
}

interface Model {
  layers: boolean[];
  experts: number;
  topK: number;
}

const model = fc
  .record({
    layers: fc.array(fc.boolean(), { maxLength: 3 }).map((layers) => [...layers, true]),
    experts: fc.integer({ min: 2, max: 9 }),
    topK: fc.integer({ min: 2, max: 4 }),
  })
  .map((given): Model => ({ ...given, topK: Math.min(given.topK, given.experts) }));

const request = fc.record({
  prompt: fc.integer({ min: 1, max: 5 }),
  /** Generated tokens of each choice. */
  generated: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
  /** Tokens of the prompt that were not captured. */
  lost: fc.nat({ max: 2 }),
  type: fc.constantFrom<Type>("|u1", "<u2", ">u2", "<i2", "<i4", "<i8"),
  fortran: fc.boolean(),
  form: fc.constantFrom("usage", "token_ids", "v0.21"),
});

type Request = typeof request extends fc.Arbitrary<infer Given> ? Given : never;

function tokens(
  { layers, experts, topK }: Model,
  number: number,
  from: Random,
  add: (layer: number, expert: number) => void,
): Routing {
  return Array.from({ length: number }, () =>
    layers.map((isMoe, layer) => {
      if (!isMoe) return new Array<number>(topK).fill(0);
      const chosen = from.different(topK, experts);
      for (const expert of chosen) add(layer, expert);
      return chosen;
    }),
  );
}

function response(model: Model, asked: Request, step: number, from: Random, truth: Counts): object {
  const { experts, topK, layers } = model;
  const add = (category: string) => (layer: number, expert: number) =>
    count(truth, `${step}/${layer}/${category}`, expert, experts);
  const isOld = asked.form === "v0.21";
  const lost = Array.from({ length: asked.lost }, () => layers.map(() => new Array<number>(topK).fill(isOld ? -1 : 0)));
  const prompt = [...lost, ...tokens(model, asked.prompt, from, add("prompt"))];
  const generated = asked.generated.map((length) => tokens(model, length - 1, from, add("generated")));
  const encoded = (routing: Routing) => npy(routing, asked.type, asked.fortran).toString("base64");
  if (isOld) {
    const choices = generated.map((routing, index) => ({ index, routed_experts: routing.length > 0 ? routing : null }));
    return { choices, prompt_routed_experts: prompt };
  }
  const choices = generated.map((routing, index) => ({
    ...{ index, text: "a\u2028b", routed_experts: encoded([...prompt, ...routing]) },
    token_ids: asked.form === "token_ids" ? new Array(asked.generated[index]).fill(7) : null,
  }));
  const completion = asked.generated.reduce((sum, length) => sum + length, 0);
  return asked.form === "usage" ? { choices, usage: { completion_tokens: completion } } : { choices };
}

function written(text: string, name = "responses.jsonl"): string {
  const path = join(temporaryDirectory(), name);
  writeFileSync(path, name.endsWith(".gz") ? gzipSync(text) : text);
  return path;
}

it("every choice of every token is counted once, the prompt's for all completions together", async () => {
  const way = fc.record({ end: fc.constantFrom("\n", "\r\n", "\n\n"), gz: fc.boolean(), cut: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(
      ...[fc.nat(), model, fc.array(request, { minLength: 1, maxLength: 5 }), way],
      async (seed, model, requests, { end, gz, cut }) => {
        const truth: Counts = {};
        const from = random(seed);
        const lines = requests.map((asked, step) => JSON.stringify(response(model, asked, step, from, truth)));
        const without = JSON.stringify({ choices: [{ index: 0, routed_experts: null }] });
        const text = `\uFEFF${[without, ...lines].map((line) => line + end).join("")}${cut ? lines[0]!.slice(0, -1) : ""}`;
        const path = written(text, `responses.jsonl${gz ? ".gz" : ""}`);
        const incoming = await readRoutedExperts(path, { ...options, experts: model.experts });
        expect(await incomingCountsOf(incoming)).toEqual(truth);
        expect(incoming.shape.topK).toBe(model.topK);
        expect(incoming.notes).toContain("Passed over: 1 responses without routed_experts");
        const lost = requests.reduce((sum, { lost }) => sum + lost, 0) * model.layers.filter(Boolean).length;
        expect(incoming.notes.some((note) => note.includes(`${lost} rows that hold no choice`))).toBe(lost > 0);
        expect(incoming.notes.some((note) => note.includes("cut off"))).toBe(cut);
      },
    ),
    { numRuns: 100 },
  );
});

describe("files", () => {
  const one = (expert: number) => ({ choices: [{ routed_experts: [[[expert, expert + 1]]] }] });

  it("of a folder, in the order of their numbers, and values over several lines or in a list", async () => {
    const folder = join(temporaryDirectory(), "responses");
    mkdirSync(folder);
    writeFileSync(join(folder, "r10.jsonl"), JSON.stringify(one(6)));
    writeFileSync(join(folder, "r2.json"), JSON.stringify(one(0), undefined, 2));
    writeFileSync(join(folder, "r9.json.gz"), gzipSync(JSON.stringify([one(2), one(4)])));
    const counts = await incomingCountsOf(await readRoutedExperts(folder, options));
    const chosen = Object.values(counts).map((of) => of.findIndex((count) => count > 0));
    expect(chosen).toEqual([0, 2, 4, 6]);
  });

  it("have the times of their responses, where they say them", async () => {
    const responses = [1_700_000_060, 1_700_000_000].map((created) => ({ ...one(0), created }));
    const path = written(responses.map((response) => JSON.stringify(response)).join("\n"), "responses.jsonl");
    const { shape, steps } = await readRoutedExperts(path, options);
    expect(shape.startedAt).toBe(1_700_000_000_000);
    expect((await gathered(steps)).map(({ time }) => time)).toEqual([1_700_000_060_000, 1_700_000_000_000]);
  });

  it("of a model with top-1, whose dense layers look like choices of expert 0, need --layers", async () => {
    const path = written(
      JSON.stringify({
        choices: [
          {
            routed_experts: [
              [[0], [0], [1]],
              [[0], [0], [0]],
            ],
          },
        ],
      }),
    );
    await expect(readRoutedExperts(path, options)).rejects.toThrow(/name the MoE layers with --layers/);
    const counts = await incomingCountsOf(await readRoutedExperts(path, { ...options, layers: [1, 2] }));
    expect(counts).toEqual({ "0/1/all": [2, 0], "0/2/all": [1, 1] });
    await expect(readRoutedExperts(path, { ...options, layers: [3] })).rejects.toThrow(/--layers has 3.*3 layers/);
  });

  const routed = (routed_experts: unknown) => JSON.stringify({ choices: [{ routed_experts }] });
  const float = npy([[[1, 2]]], "|u1", false)
    .toString("latin1")
    .replace("|u1", "<f4");
  it.each([
    ["{}", /line 1: choices is undefined/],
    ["[]", /line 1: choices is undefined/],
    ["{", /line 1 is no JSON/],
    [routed(null), /holds no routed_experts.*--enable-return-routed-experts/],
    [routed("gASV"), /choices\[0\]\.routed_experts is no array of numpy/],
    [routed(Buffer.from(float, "latin1").toString("base64")), /numbers of type f4; allowed are whole numbers/],
    [
      routed(
        npy([[[1, 2]]], "|u1", false)
          .subarray(0, -1)
          .toString("base64"),
      ),
      /has 1 bytes of numbers, expected 2/,
    ],
    [routed([[1, 2]]), /has the shape 1 × 2; allowed is tokens × layers × top-k/],
    [routed([[[1, 2]], [[1]]]), /lists of different lengths/],
    [routed([[[1, 1.5]]]), /no whole number/],
    [routed([[[1, null]]]), /no whole number/],
    [routed([[[1, -1]]]), /token 0, layer 0: expert -1 beside others/],
    [routed([[[1, 1]]]), /token 0, layer 0: expert 1 twice/],
    [routed([[[1, 4_294_967_295]]]), /line 1, token 0, layer 0: expert 4294967295; a layer has at most 65536/],
    [`${routed([[[1, 2]]])}\n${routed([[[1, 2, 3]]])}`, /line 2: 1 layers and top-3, but 1 and top-2 further up/],
    [
      JSON.stringify({ choices: [{ routed_experts: [[[1, 2]]] }, { routed_experts: [[[1, 2]]] }] }),
      /several choices share a prompt/,
    ],
    [
      JSON.stringify({ choices: [{ routed_experts: [[[1, 2]]] }], usage: { completion_tokens: 9 } }),
      /1 rows of 1 choices with 9 generated tokens do not fit together/,
    ],
  ])("that are wrong are refused: %s", async (text, message) => {
    await expect(readRoutedExperts(written(`${text}\n`), options)).rejects.toThrow(message);
  });
});
