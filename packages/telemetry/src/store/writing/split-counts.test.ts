import fc from "fast-check";
import { expect, test } from "vitest";
import { type Base, COUNTS, CountSplitter, GATES } from "./split-counts.ts";

const AT = 3;

/** Bytes are put between others. */
function split(splitter: CountSplitter, sender: string, counts: ArrayLike<number>): Base & { above: Uint8Array } {
  const memory = new Uint8Array(counts.length + 2 * AT).fill(77);
  const base = splitter.split(sender, 0, counts, memory, AT);
  const around = [...memory.subarray(0, AT), ...memory.subarray(AT + counts.length)];
  expect(around).toEqual(Array(2 * AT).fill(77));
  return { ...base, above: memory.subarray(AT, AT + counts.length) };
}

/** The one that is there; the same object for rows that share it. */
const bytesOfBase = ({ shared, own }: Base) => {
  expect(Math.min(shared.length, own.length)).toBe(0);
  return own.length === 0 ? shared : new Uint8Array(own.buffer);
};
const baseOf = (base: Base) => [...new Uint32Array(bytesOfBase(base).buffer)];
const sums = (split: Base & { above: Uint8Array }) => baseOf(split).map((low, expert) => low + split.above[expert]!);

test("the two parts of a count are the count, whatever it is", () => {
  const splitter = new CountSplitter(COUNTS);
  const histograms = [
    [0, 1, 127, 128, 129, 255, 256, 2 ** 32 - 1],
    [2 ** 32 - 1, 0, 0, 0, 0, 0, 0, 0],
    [0, 2 ** 32 - 1, 300, 5, 1, 0, 128, 1],
    Array(8).fill(2 ** 32 - 1),
    Array(8).fill(50),
  ];
  for (const counts of [...histograms, ...histograms]) expect(sums(split(splitter, "a", counts))).toEqual(counts);
});

test("a histogram may have another number of experts than the last of its name", () => {
  const splitter = new CountSplitter(COUNTS);
  for (const counts of [[5], [6, 700], [8]]) expect(sums(split(splitter, "a", counts))).toEqual(counts);
});

test("steps alike have one base, and one that is out of reach changes it for itself alone", () => {
  const splitter = new CountSplitter(COUNTS);
  for (let step = 0; step < 300; step++) split(splitter, "a", [1000 + (step % 7) * 20, 1000]);
  const before = split(splitter, "a", [1050, 1000]);
  const far = split(splitter, "a", [9000, 1000]);
  const after = split(splitter, "a", [1050, 1000]);
  expect(baseOf(before)).toEqual([1060 - 128, 1000 - 128].map((base) => expect.closeTo(base, -1)));
  expect(far.shared).toHaveLength(0);
  expect(baseOf(far)).toEqual([9000 - 128, baseOf(before)[1]]);
  expect(after.shared).toBe(before.shared);
});

test("bases follow loads that change", () => {
  const splitter = new CountSplitter(COUNTS);
  for (let step = 0; step < 512; step++) split(splitter, "a", [1000]);
  for (let step = 0; step < 1024; step++) split(splitter, "a", [2000]);
  expect(baseOf(split(splitter, "a", [2000]))).toEqual([expect.closeTo(2000 - 128, -1)]);
});

test("numbers of 16 bits have bases of 16 bits, whatever they are", () => {
  const splitter = new CountSplitter(GATES);
  const numbers = fc.array(fc.nat(2 ** 16 - 1), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(fc.oneof(numbers, fc.constant([0, 0, 16_256, 16_300, 0x7f80, 0x7fc0, 0xff80, 0xffff])), (halves) => {
      const { shared, own, above } = split(splitter, "a", halves);
      const base = own.length > 0 ? own : new Uint16Array(shared.slice().buffer);
      expect(own.length > 0 ? own : base).toBeInstanceOf(Uint16Array);
      expect([...base].map((low, expert) => low + above[expert]!)).toEqual(halves);
    }),
  );
});

test("bases of gates follow a drift within 64 steps", () => {
  const splitter = new CountSplitter(GATES);
  for (let step = 0; step < 640; step++) split(splitter, "a", [16_000 + step]);
  const { shared, above } = split(splitter, "a", [16_640]);
  expect(shared).toHaveLength(2);
  expect(above[0]!).toBeLessThanOrEqual(128 + 64 + 16);
});

test("what is known of earlier histograms is forgotten before it takes much memory", () => {
  const splitter = new CountSplitter(COUNTS);
  const counts = new Uint32Array(1_000_000).fill(1000);
  const splitOf = (name: string) => split(splitter, name, counts);
  for (let step = 0; step < 4; step++) splitOf("first");
  const { shared } = splitOf("first");
  expect(shared).not.toHaveLength(0);
  for (const name of ["a", "b", "c"]) splitOf(name);
  expect(splitOf("first").shared === shared).toBe(true);
  splitOf("one too many");
  const again = splitOf("first");
  expect(again.shared === shared).toBe(false);
  expect(sums(again)[0]).toBe(1000);
});
