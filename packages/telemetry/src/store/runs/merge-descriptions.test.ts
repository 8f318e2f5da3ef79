import { v1 } from "@moescope/proto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Described, describeLayersTwice, isContradiction, merged } from "./merge-descriptions.ts";

/** Any rank of any attempt of one run: it knows some of the layers and the first so many categories, and has settings of its own. */
const LAYERS = Array.from({ length: 12 }, (_, index) => {
  return {
    index: index * 3,
    experts: 4 + index,
    topK: index % 3,
    group: index % 2 ? "vision" : "",
    identityExperts: index % 4,
  };
});
const CATEGORIES = ["code", "docs", "maths", "web"];
const described: fc.Arbitrary<Described> = fc
  .record({
    known: fc.uniqueArray(fc.nat(LAYERS.length - 1)),
    categories: fc.nat(CATEGORIES.length),
    attempt: fc.nat(3),
    name: fc.string({ maxLength: 3 }),
  })
  .map(({ known, categories, attempt, name }) => {
    const layers = known.sort((a, b) => a - b).map((place) => new v1.MoeLayer(LAYERS[place]));
    const run = { id: "run", name, seed: 7, ranks: 4, layers, categories: CATEGORIES.slice(0, categories) };
    return { attempt, description: describeLayersTwice(new v1.RunDescription(run)) };
  });

function merge(known: Described, sent: Described): Described {
  const all = merged(known, sent);
  if (isContradiction(all)) throw new Error(`${all.what}: ${all.sent}, before ${all.known}`);
  return all;
}

const plain = ({ description }: Described) => v1.RunDescription.toObject(description, { defaults: true });
const indices = ({ description }: Described) => description.layers.map(({ index }) => index);

describe("descriptions of one run add up", () => {
  test("to the layers of all, ascending, the most categories, and the newest attempt's other fields", () => {
    fc.assert(
      fc.property(fc.array(described, { minLength: 1 }), ([first, ...others]) => {
        const sent = [first!, ...others];
        const all = others.reduce(merge, first!);
        const expected = [...new Set(sent.flatMap(indices))].sort((a, b) => a - b);
        expect(indices(all)).toEqual(expected);
        expect(all.description.moeLayers).toEqual(expected);
        expect(all.description.experts).toBe(Math.max(0, ...all.description.layers.map(({ experts }) => experts)));
        expect(all.description.topK).toBe(Math.max(0, ...all.description.layers.map(({ topK }) => topK)));
        expect(all.description.categories).toHaveLength(
          Math.max(...sent.map((each) => each.description.categories.length)),
        );
        expect(all.attempt).toBe(Math.max(...sent.map(({ attempt }) => attempt)));
        expect(all.description.name).toBe(sent.find(({ attempt }) => attempt === all.attempt)!.description.name);
      }),
    );
  });

  test("and one that says nothing new changes nothing, which is seen without a look at every field", () => {
    fc.assert(
      fc.property(described, described, (one, other) => {
        const all = merge(one, other);
        expect(merge(all, one)).toBe(all);
        expect(merge(all, other)).toBe(all);
        expect(plain(merge(merge(one, other), one))).toEqual(plain(all));
      }),
    );
  });

  test("without changing what was put in: others may look at it just now", () => {
    fc.assert(
      fc.property(described, described, (one, other) => {
        const before = [plain(one), plain(other)];
        merge(one, other);
        expect([plain(one), plain(other)]).toEqual(before);
      }),
    );
  });

  test("fields of a newer version survive", () => {
    const bytes = v1.RunDescription.encode({ id: "run", layers: [LAYERS[1]!] }).finish();
    // Field 1000, in the description.
    const newer = v1.RunDescription.decode(Uint8Array.from([...bytes, 0xc2, 0x3e, 1, 42]));
    const all = merge(
      { attempt: 1, description: describeLayersTwice(newer) },
      { attempt: 0, description: describeLayersTwice(new v1.RunDescription({ layers: [new v1.MoeLayer(LAYERS[2])] })) },
    );
    expect(
      Buffer.from(v1.RunDescription.encode(all.description).finish()).includes(Buffer.from([0xc2, 0x3e, 1, 42])),
    ).toBe(true);
  });
});

describe("what contradicts", () => {
  const run = { recipe: "a", strategy: "none", seed: 1, ranks: 2, categories: ["code", "docs"], layers: [LAYERS[1]!] };
  const of = (changes: v1.RunDescription.$Properties, attempt = 0): Described => {
    const layers = (changes.layers ?? run.layers).map((layer) => new v1.MoeLayer(layer));
    return { attempt, description: describeLayersTwice(new v1.RunDescription({ ...run, ...changes, layers })) };
  };
  const cases: [string, v1.RunDescription.$Properties, what: string, sent: unknown, known: unknown][] = [
    ["recipe", { recipe: "b" }, "recipe", "b", "a"],
    ["strategy", { strategy: "z-loss" }, "strategy", "z-loss", "none"],
    ["seed", { seed: 2 }, "seed", 2, 1],
    ["ranks", { ranks: 3 }, "ranks", 3, 2],
    ["a category", { categories: ["code", "maths", "web"] }, "category 1", "maths", "docs"],
    ["experts", { layers: [{ ...LAYERS[1]!, experts: 6 }] }, "layer 3: experts", 6, 5],
    ["top-k", { layers: [{ ...LAYERS[1]!, topK: 2 }] }, "layer 3: top_k", 2, 1],
    ["identity experts", { layers: [{ ...LAYERS[1]!, identityExperts: 0 }] }, "layer 3: identity_experts", 0, 1],
    ["group", { layers: [{ ...LAYERS[1]!, group: "text" }] }, "layer 3: group", "text", "vision"],
    ["who chooses", { layers: [{ ...LAYERS[1]!, expertsChoose: true }] }, "layer 3: experts_choose", true, false],
  ];
  test.each(cases)("%s is named, from an attempt before or after", (_, changes, what, sent, known) => {
    for (const attempts of [
      [0, 1],
      [1, 0],
      [0, 0],
    ] as const) {
      expect(merged(of({}, attempts[0]), of(changes, attempts[1]))).toEqual({ what, sent, known });
    }
  });
});

test("layers of protocol 1 are those of protocol 2, all alike", () => {
  const { layers } = describeLayersTwice(new v1.RunDescription({ moeLayers: [1, 4], experts: 8, topK: 2 }));
  expect(layers.map(({ index, experts, topK }) => [index, experts, topK])).toEqual([
    [1, 8, 2],
    [4, 8, 2],
  ]);
});
