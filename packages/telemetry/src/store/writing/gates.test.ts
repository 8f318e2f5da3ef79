import { v1 } from "@moescope/proto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { asStored, putFirstHalves } from "./gates.ts";

function stored(values: number[], counts = values.map(() => 1)): number[] {
  const categories = [{ category: 0, counts, tokens: 1 }];
  const histogram = { layer: 0, categories, gateMass: values, meanProbability: values };
  const step = v1.Step.decode(v1.Step.encode({ histograms: [histogram] }).finish());
  asStored(step);
  expect([...step.histograms[0]!.meanProbability!]).toEqual([...step.histograms[0]!.gateMass!]);
  return [...step.histograms[0]!.gateMass!];
}

/** The nearest numbers of 8 significant bits, below and above. */
function neighbours(value: number): [number, number] {
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0]!;
  const of = (half: number) => new Float32Array(new Uint32Array([half << 16]).buffer)[0]!;
  return [of(bits >>> 16), of((bits >>> 16) + 1)];
}

const float = fc.float({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 127), max: 2 ** 127 });

test("a number is rounded to the nearest of 8 significant bits, to the even one where two are as near", () => {
  fc.assert(
    fc.property(float, (value) => {
      const [rounded] = stored([value]) as [number];
      const [lower, upper] = neighbours(value);
      expect([lower, upper]).toContain(rounded);
      expect(Math.abs(rounded - value)).toBe(Math.min(Math.abs(lower - value), Math.abs(upper - value)));
    }),
    { numRuns: 2000 },
  );
  expect(stored([1 + 1 / 256, 1 + 3 / 256, -1 - 1 / 256])).toEqual([1, 1 + 4 / 256, -1]);
});

test("what was stored is stored the same when it is restored", () => {
  fc.assert(
    fc.property(fc.array(fc.float(), { minLength: 1 }), (values) => {
      const once = stored(values);
      expect(stored(once)).toEqual(once);
    }),
  );
});

test("NaN, infinities and zeros stay what they are", () => {
  const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0];
  expect(stored(special)).toEqual(special);
  // The largest number of 32 bits is nearer to the next one of 8 significant bits, which is infinity.
  expect(stored([2 ** 128 - 2 ** 104])).toEqual([Number.POSITIVE_INFINITY]);
});

test("protocol 1 has both for each category: their sum, and their mean by tokens", () => {
  const categories = [
    { category: 0, counts: [1, 2], tokens: 3, gateMass: [1, 2], meanProbability: [0.5, 0.5] },
    { category: 2, counts: [4, 5], tokens: 9, gateMass: [0.25, 0.5], meanProbability: [0.25, 0.75] },
    { category: 1, counts: [0, 0], tokens: 0 },
  ];
  const step = v1.Step.decode(v1.Step.encode({ histograms: [{ layer: 1, categories }] }).finish());
  asStored(step);
  const [{ gateMass, meanProbability, categories: left }] = step.histograms as [v1.RoutingHistogram];
  expect([...gateMass]).toEqual([1.25, 2.5]);
  expect([...meanProbability]).toEqual([0.3125, 0.6875]);
  expect(left.map(({ counts, gateMass, meanProbability }) => [counts, gateMass, meanProbability])).toEqual([
    [[1, 2], [], []],
    [[4, 5], [], []],
    [[0, 0], [], []],
  ]);
});

test("the first half of a number is all of it", () => {
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true })), (values) => {
      const rounded = values.length === 0 ? [] : stored(values);
      const halves = new Uint16Array(rounded.length + 1).fill(7);
      putFirstHalves(rounded, halves);
      expect(halves.at(-1)).toBe(7);
      const back = new Float32Array(Uint32Array.from(halves.subarray(0, -1), (half) => half << 16).buffer);
      expect([...back]).toEqual(rounded);
    }),
  );
});
