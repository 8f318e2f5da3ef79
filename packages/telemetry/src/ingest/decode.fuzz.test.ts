// The decoder against the library: the same for every message there can be, and nothing taken that the library refuses.
// FUZZ_ROUNDS sets how many messages are tried (default 500 of each kind).
import { v1 } from "@moescope/proto";
import fc from "fast-check";
import protobuf from "protobufjs/minimal.js";
import { expect, test } from "vitest";
import { byLibrary, plain } from "../testing/decoded-by-library.ts";
import { decoded as decodedInto } from "./decode.ts";
import { NumberPool } from "./number-memory.ts";

const decoded = (bytes: Uint8Array) => decodedInto(bytes, new NumberPool().memory(bytes.length));
const settings = { seed: 20_261_121, numRuns: Number(process.env.FUZZ_ROUNDS ?? 500) };

const uint32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: 0xffffffff }));
const uint64 = fc.oneof(fc.nat(300), fc.maxSafeNat());
const floats = fc.array(fc.float(), { maxLength: 40 });
const text = fc.string({ unit: "grapheme", maxLength: 20 });
const label = { layer: uint32, head: fc.integer({ min: -1, max: 127 }) };

const category = fc.record({
  ...{ category: uint32, counts: fc.array(uint32, { maxLength: 300 }), tokens: uint64, dropped: uint64 },
  ...{ gateMass: floats, meanProbability: floats },
  ...{ droppedCounts: fc.array(uint32, { maxLength: 300 }), assignments: uint64 },
});
const histogram = fc.record({
  ...{ layer: uint32, categories: fc.array(category, { maxLength: 4 }), selectionBias: floats },
  ...{ gateMass: floats, meanProbability: floats },
});
const step = fc.record({
  ...{ run: text, rank: uint32, attempt: uint32, sequence: uint64, step: uint64, tokens: uint64, time: fc.double() },
  split: fc.nat(4),
  scalars: fc.array(fc.record({ name: text, value: fc.double() }), { maxLength: 5 }),
  histograms: fc.array(histogram, { maxLength: 4 }),
  attention: fc.array(fc.record({ ...label, tokenClass: fc.array(text), share: floats }), { maxLength: 3 }),
  heads: fc.array(fc.record({ ...label, previousToken: fc.float(), induction: fc.float() }), { maxLength: 3 }),
  saturation: fc.array(fc.record({ layer: uint32, earlierStep: fc.array(uint64), share: floats }), { maxLength: 3 }),
});
const run = fc.record({
  ...{
    id: text,
    name: text,
    configJson: text,
    seed: uint32,
    moeLayers: fc.array(uint32),
    experts: uint32,
    topK: uint32,
  },
  ...{ categories: fc.array(text), ranks: uint32, tags: fc.array(text), startedAt: fc.double(), plannedSteps: uint64 },
  layers: fc.array(
    fc.record({ index: uint32, experts: uint32, topK: uint32, group: text, expertsChoose: fc.boolean() }),
  ),
});
const request = fc.oneof(
  fc.record({ hello: fc.record({ protocolVersion: uint32, run, rank: uint32, attempt: uint32 }) }),
  fc.record({ step }),
  fc.record({ end: fc.record({ run: text, rank: uint32, sequence: uint64, outcome: fc.nat(3), reason: text }) }),
);

test("every message is read as the library reads it", () => {
  fc.assert(
    fc.property(request, (message) => {
      const bytes = v1.ReportRequest.encode(message as v1.ReportRequest.$Properties).finish();
      expect(plain(decoded(bytes))).toEqual(byLibrary(bytes));
    }),
    settings,
  );
});

/** A repeated number, written packed or one by one, in any number of parts and any order, as a sender may. */
const part = fc.record({
  field: fc.constantFrom(...(["counts", "droppedCounts", "gateMass", "meanProbability"] as const)),
  packed: fc.boolean(),
  values: fc.array(fc.nat(70_000), { maxLength: 20 }),
});
const FIELDS = { counts: 2, droppedCounts: 7, gateMass: 5, meanProbability: 6 };

test("numbers written packed and one by one, in turns, are read as the library reads them", () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const category = protobuf.Writer.create();
      for (const { field, packed, values } of parts)
        writePart(category, FIELDS[field], packed, values, field === "counts" || field === "droppedCounts");
      const histogram = protobuf.Writer.create().uint32(18).bytes(category.finish()).finish();
      const step = protobuf.Writer.create().uint32(82).bytes(histogram).finish();
      const bytes = protobuf.Writer.create().uint32(18).bytes(step).finish();
      expect(plain(decoded(bytes))).toEqual(byLibrary(bytes));
    }),
    settings,
  );
});

function writePart(to: protobuf.Writer, field: number, packed: boolean, values: number[], whole: boolean): void {
  const write = (value: number) => (whole ? to.uint32(value) : to.float(value));
  if (packed) to.uint32((field << 3) | 2).fork();
  for (const value of values) {
    if (!packed) to.uint32((field << 3) | (whole ? 0 : 5));
    write(value);
  }
  if (packed) to.ldelim();
}

test("bytes that are no message are refused where the library refuses them", () => {
  const likeTags = fc.array(fc.constantFrom(0, 1, 2, 10, 18, 26, 82, 127, 128, 255), { maxLength: 200 });
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    likeTags.map((list) => Uint8Array.from(list)),
  );
  fc.assert(
    fc.property(bytes, (bytes) => {
      const expected = byLibrary(bytes);
      const found = decoded(bytes);
      if (expected === undefined) expect(found).toBeInstanceOf(Error);
      else expect(plain(found)).toEqual(expected);
    }),
    { ...settings, numRuns: settings.numRuns * 10 },
  );
});

test.each([
  ["empty histograms", 82],
  ["empty scalars", 74],
  ["fields that nobody knows", 0xfa],
])("a message of nothing but %s is refused before it has filled the memory", (_, tag) => {
  const field = tag < 128 ? [tag, 0] : [tag, 1, 0];
  const step = Buffer.alloc(8 * 1024 * 1024 - ((8 * 1024 * 1024) % field.length), Uint8Array.from(field));
  const bytes = protobuf.Writer.create().uint32(18).bytes(step).finish();
  const before = process.memoryUsage().rss;
  expect(decoded(bytes)).toMatchObject({ message: expect.stringMatching(/more than 1000000 fields/) });
  expect(process.memoryUsage().rss - before).toBeLessThan(500 * 2 ** 20);
});
