// Every limit of the table: what is at it is taken, one more is refused with the value and the limit. And the work of a check is
// proportional to what was sent.
import { LIMITS, v1 } from "@moescope/proto";
import { describe, expect, test, vi } from "vitest";
import { firstRepeated, type Refusal } from "./refusal.ts";
import { checkEnd, checkStep } from "./validate.ts";
import { checkAnnotation, checkDescription } from "./validate-description.ts";

const text = (length: number) => "x".repeat(length);
const several = <Item>(count: number, item: (index: number) => Item) =>
  Array.from({ length: count }, (_, i) => item(i));
const layerOf = (index: number, experts = 1) => new v1.MoeLayer({ index, experts, topK: 1 });

function described(changes: v1.RunDescription.$Properties, rank = 0): Refusal | undefined {
  const run = { id: "run", categories: ["all"], ranks: 1, ...changes };
  return checkDescription(new v1.RunDescription(run), rank);
}

const run = new v1.RunDescription({ id: "run", layers: [layerOf(1)], categories: ["all"], ranks: 1 });

function step(changes: v1.Step.$Properties): Refusal | undefined {
  return checkStep(new v1.Step({ run: "run", step: 1_000_000, split: v1.Split.PROBE, ...changes }), run);
}

const end = (reason: string) => checkEnd(new v1.RunEnd({ outcome: 1, reason }));
const annotated = (changes: v1.Annotation.$Properties) => checkAnnotation(new v1.Annotation(changes));
const attention = (index: number, names: string[] = []) => {
  return new v1.AttentionByToken({ layer: index, tokenClass: names, share: names.map(() => 0) });
};
const saturation = (steps: number) => {
  return new v1.RouterSaturation({ layer: 1, earlierStep: several(steps, Number), share: several(steps, () => 1) });
};

/** Tested where they are kept: in decode.fuzz.test.ts, scalar-names.test.ts and hostile-senders.test.ts. */
type Elsewhere = "fields" | "scalarNames" | "messageBytes";

const CASES: Record<
  Exclude<keyof typeof LIMITS, Elsewhere>,
  [check: (size: number) => Refusal | undefined, words: RegExp]
> = {
  runId: [(size) => described({ id: text(size) }), /run id "x{128}x": expected 1 to 128 letters/],
  name: [(size) => described({ name: text(size) }), /run run: name "x+…" has 1025 characters, expected at most 1024/],
  text: [
    (size) => described({ codeVersion: text(size) }),
    /code_version "x+…" has 1025 characters, expected at most 1024/,
  ],
  configJson: [(size) => described({ configJson: text(size) }), /config_json "x+…" has 1048577 characters/],
  tags: [(size) => described({ tags: several(size, String) }), /257 tags, expected at most 256/],
  tag: [(size) => described({ tags: ["a", text(size)] }), /tag "x+…" has 257 characters, expected at most 256/],
  categories: [(size) => described({ categories: several(size, String) }), /4097 categories, expected at most 4096/],
  categoryName: [
    (size) => described({ categories: [text(size)] }),
    /category "x+…" has 257 characters, expected 1 to 256/,
  ],
  layers: [
    (size) => described({ layers: several(size, (i) => layerOf(i)) }),
    /16385 MoE layers, expected at most 16384/,
  ],
  experts: [(size) => described({ layers: [layerOf(3, size)] }), /layer 3: experts 65537, expected 1 to 65536/],
  allExperts: [
    (size) =>
      described({
        layers: [...several(64, (i) => layerOf(i, size >> 6)), ...several(size & 63, (i) => layerOf(64 + i))],
      }),
    /4194305 experts in all layers together, expected at most 4194304/,
  ],
  group: [
    (size) => described({ layers: [new v1.MoeLayer({ ...layerOf(1), group: text(size) })] }),
    /layer 1: group "x+…" has 257/,
  ],
  ranks: [(size) => described({ ranks: size }, size - 1), /ranks 1048577, expected 1 to 1048576/],
  scalars: [
    (size) => step({ scalars: several(size, (i) => new v1.Scalar({ name: `s/${i}` })) }),
    /4097 scalars, expected/,
  ],
  scalarName: [(size) => step({ scalars: [new v1.Scalar({ name: text(size) })] }), /scalar "x+…" has 257 .*1 to 256/],
  attention: [
    (size) => step({ attention: several(size, (i) => attention(i)) }),
    /262145 attention entries, expected at most/,
  ],
  tokenClasses: [(size) => step({ attention: [attention(1, several(size, String))] }), /1025 token classes, expected/],
  tokenClassName: [(size) => step({ attention: [attention(1, [text(size)])] }), /token class "x+…" has 257 .*1 to 256/],
  heads: [
    (size) => step({ heads: several(size, (layer) => new v1.HeadProfile({ layer })) }),
    /262145 heads, expected at most/,
  ],
  earlierSteps: [(size) => step({ saturation: [saturation(size)] }), /65537 earlier steps, expected at most 65536/],
  reason: [(size) => end(text(size)), /end: reason "x+…" has 65537 characters, expected at most 65536/],
  annotationName: [
    (size) => annotated({ name: text(size) }),
    /annotation: name "x+…" has 201 characters, expected at most 200/,
  ],
  annotationTags: [(size) => annotated({ tags: several(size, String) }), /annotation: 51 tags, expected at most 50/],
  annotationTag: [
    (size) => annotated({ tags: [text(size)] }),
    /annotation: tag "x+" has 101 characters, expected 1 to 100/,
  ],
  annotationNotes: [(size) => annotated({ notes: text(size) }), /annotation: notes "x+…" has 10001 characters/],
};

test.each(Object.entries(CASES))("%s", (name, [check, words]) => {
  const { most } = LIMITS[name as keyof typeof CASES];
  expect(check(most)).toBeUndefined();
  const refusal = check(most + 1)!;
  expect(refusal).toEqual({ reason: v1.Rejection.Reason.MALFORMED, message: expect.stringMatching(words) });
  expect(refusal.message.length).toBeLessThan(500);
});

test.each([
  [
    "layers of protocol 1",
    () => described({ moeLayers: several(16_385, Number), experts: 1, topK: 1 }),
    /16385 MoE layers/,
  ],
  [
    "a category without a name",
    () => described({ categories: ["a", ""] }),
    /category "" has 0 characters, expected 1 to 256/,
  ],
  ["a category twice", () => described({ categories: ["a", "b", "a"] }), /category "a" twice, expected once/],
  ["a scalar without a name", () => step({ scalars: [new v1.Scalar({ value: 1 })] }), /scalar "" has 0 characters/],
  ["no ranks", () => described({ ranks: 0 }), /ranks 0, expected 1 to 1048576/],
  ["a rank too many", () => described({ ranks: 2 }, 2), /rank 2 of 2 ranks, expected one from 0 to 1/],
])("%s is refused", (_, check, words) => {
  expect(check()).toMatchObject({ message: expect.stringMatching(words) });
});

describe("times are refused that are none", () => {
  const ofRun = (startedAt: number) => described({ startedAt });
  const ofStep = (time: number) => step({ time });
  const ofEnd = (endedAt: number) => checkEnd(new v1.RunEnd({ outcome: 1, endedAt }));
  test.each([
    ["started_at", ofRun],
    ["time", ofStep],
    ["ended_at", ofEnd],
  ] as const)("%s", (name, check) => {
    for (const time of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 8.640_000_000_000_001e15]) {
      const words = `${name} is ${time}, expected milliseconds since the Unix epoch, at most 8.64e15 away from it`;
      expect(check(time)?.message).toContain(words);
    }
    for (const time of [0, -1, 8.64e15, -8.64e15]) {
      expect(check(time)).toBeUndefined();
      expect(new Date(time).toISOString()).toMatch(/Z$/);
    }
  });
});

describe("work is proportional to what was sent", () => {
  test("what is there twice is found by looking at each once, wherever it is", () => {
    const values = [...several(300_000, (index) => 300_000 - index), 1];
    let looks = 0;
    const read = (value: number) => {
      looks++;
      return value;
    };
    const searches = vi.spyOn(Array.prototype, "indexOf");
    const repeated = firstRepeated(values, read);
    const searched = searches.mock.contexts.filter((list) => (list as unknown[]).length >= values.length);
    searches.mockRestore();
    expect(repeated).toBe(1);
    expect(looks).toBeLessThan(2 * values.length);
    expect(searched).toHaveLength(0);
  });

  test("the layers of a run are looked through once, not for every histogram", () => {
    const layers = 1000;
    let looks = 0;
    const counted: ProxyHandler<number[]> = {
      get(target, key) {
        if (/^\d+$/.test(String(key))) looks++;
        return Reflect.get(target, key);
      },
    };
    const large = new v1.RunDescription({ id: "run", experts: 1, topK: 1, categories: ["all"], ranks: 1 });
    large.moeLayers = new Proxy(several(layers, Number), counted);
    const histograms = several(layers, (layer) => new v1.RoutingHistogram({ layer }));
    const sent = new v1.Step({ split: 1, histograms });
    for (let step = 0; step < 5; step++) expect(checkStep(sent, large)).toBeUndefined();
    expect(looks).toBe(layers);
  });

  test("a refusal names some of what is expected, and how much more there is", () => {
    const layers = several(10_000, (index) => layerOf(index));
    const large = new v1.RunDescription({ id: "run", layers, categories: several(3000, (i) => `c${i}`), ranks: 1 });
    const refused = (histogram: v1.RoutingHistogram.$Properties) => {
      return checkStep(new v1.Step({ split: 1, histograms: [new v1.RoutingHistogram(histogram)] }), large)?.message;
    };
    expect(refused({ layer: 10_000 })).toBe(
      "step 0, layer 10000: the MoE layers are 0, 1, 2, 3, 4, 5, 6, 7, … 9992 more",
    );
    expect(refused({ layer: 1, categories: [new v1.CategoryRouting({ category: 3000 })] })).toMatch(
      /category 3000, expected one of 0 \(c0\), 1 \(c1\), .*, 7 \(c7\), … 2992 more$/,
    );
  });
});
