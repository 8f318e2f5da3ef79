import { expect, test } from "vitest";
import { CountSplitter, type SplitCounts } from "./split-counts.ts";

/** The one that is there; the same object for rows that share it. */
const bytesOfBase = ({ sharedBase, base }: SplitCounts) => {
  expect(Math.min(sharedBase.length, base.length)).toBe(0);
  return base.length === 0 ? sharedBase : new Uint8Array(base.buffer);
};
const baseOf = (split: SplitCounts) => [...new Uint32Array(bytesOfBase(split).buffer)];
const sums = (split: SplitCounts) => baseOf(split).map((low, expert) => low + split.above[expert]!);

test("the two parts of a count are the count, whatever it is", () => {
  const splitter = new CountSplitter();
  const histograms = [
    [0, 1, 127, 128, 129, 255, 256, 2 ** 32 - 1],
    [2 ** 32 - 1, 0, 0, 0, 0, 0, 0, 0],
    [0, 2 ** 32 - 1, 300, 5, 1, 0, 128, 1],
    Array(8).fill(2 ** 32 - 1),
    Array(8).fill(50),
  ];
  for (const counts of [...histograms, ...histograms]) expect(sums(splitter.split("a", 0, counts))).toEqual(counts);
});

test("a histogram may have another number of experts than the last of its name", () => {
  const splitter = new CountSplitter();
  for (const counts of [[5], [6, 700], [8]]) expect(sums(splitter.split("a", 0, counts))).toEqual(counts);
});

test("steps alike have one base, and one that is out of reach changes it for itself alone", () => {
  const splitter = new CountSplitter();
  for (let step = 0; step < 300; step++) splitter.split("a", 0, [1000 + (step % 7) * 20, 1000]);
  const before = splitter.split("a", 0, [1050, 1000]);
  const far = splitter.split("a", 0, [9000, 1000]);
  const after = splitter.split("a", 0, [1050, 1000]);
  expect(baseOf(before)).toEqual([1060 - 128, 1000 - 128].map((base) => expect.closeTo(base, -1)));
  expect(far.sharedBase).toHaveLength(0);
  expect(baseOf(far)).toEqual([9000 - 128, baseOf(before)[1]]);
  expect(after.sharedBase).toBe(before.sharedBase);
});

test("bases follow loads that change", () => {
  const splitter = new CountSplitter();
  for (let step = 0; step < 512; step++) splitter.split("a", 0, [1000]);
  for (let step = 0; step < 1024; step++) splitter.split("a", 0, [2000]);
  expect(baseOf(splitter.split("a", 0, [2000]))).toEqual([expect.closeTo(2000 - 128, -1)]);
});

test("what is known of earlier histograms is forgotten before it takes much memory", () => {
  const splitter = new CountSplitter();
  const counts = new Uint32Array(1_000_000).fill(1000);
  const split = (name: string) => splitter.split(name, 0, counts);
  for (let step = 0; step < 4; step++) split("first");
  const { sharedBase } = split("first");
  expect(sharedBase).not.toHaveLength(0);
  for (const name of ["a", "b", "c"]) split(name);
  expect(split("first").sharedBase === sharedBase).toBe(true);
  split("one too many");
  const again = split("first");
  expect(again.sharedBase === sharedBase).toBe(false);
  expect(sums(again)[0]).toBe(1000);
});
