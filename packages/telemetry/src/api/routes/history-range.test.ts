import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bucketWidth } from "../../store/reading/history.ts";
import { RequestError } from "../errors.ts";
import { chosenLayers, chosenSteps, refuseTooMuch } from "./history-range.ts";

const LAST = Number.MAX_SAFE_INTEGER;

/** Any step, the extremes often. */
const step = fc.oneof(
  fc.constantFrom(0, 1, 10 ** 12, 2 ** 52, LAST - 1, LAST),
  fc.integer({ min: 0, max: LAST }),
  fc.nat(),
);
const range = fc.tuple(step, step).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const points = fc.oneof(fc.constantFrom(1, 2000), fc.integer({ min: 1, max: 2000 }));

describe("steps", () => {
  test("are those asked for; without them from the first to the newest", () => {
    const optional = fc.option(step, { nil: undefined });
    fc.assert(
      fc.property(optional, optional, fc.oneof(fc.constant(-1), step), (from, to, lastStep) => {
        const chosen = () => chosenSteps({ from, to }, lastStep);
        if (to !== undefined && to < (from ?? 0)) return void expect(chosen).toThrow(`parameter to is ${to}: must be`);
        expect(chosen()).toEqual({ from: from ?? 0, to: to ?? Math.max(from ?? 0, lastStep) });
      }),
    );
  });

  test("lie in the narrowest buckets of a power of two that are few enough, in a run of any length", () => {
    const buckets = ({ from, to }: { from: number; to: number }, width: number) =>
      BigInt(to) / BigInt(width) - BigInt(from) / BigInt(width) + 1n;
    fc.assert(
      fc.property(range, points, (range, points) => {
        const width = bucketWidth(range.from, range.to, points);
        expect(Number.isInteger(Math.log2(width))).toBe(true);
        expect(buckets(range, width)).toBeLessThanOrEqual(points);
        if (width > 1) expect(buckets(range, width / 2)).toBeGreaterThan(points);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("layers", () => {
  const layer = fc.nat({ max: 999_999_999 });

  test("are none, all, or those asked for where the run has them", () => {
    fc.assert(
      fc.property(fc.uniqueArray(layer), fc.uniqueArray(layer), (known, others) => {
        expect(chosenLayers("none", known)).toEqual([]);
        expect(chosenLayers("all", known)).toEqual(known);
        expect(chosenLayers([...known].reverse(), known)).toEqual([...known].reverse());
        const unknown = others.find((other) => !known.includes(other));
        if (unknown === undefined) return;
        const message = `parameter layers has ${unknown}: the run's MoE layers are ${known.join(", ")}`;
        expect(() => chosenLayers([...known, ...others], known)).toThrow(new RequestError(400, message));
      }),
    );
  });

  test("are each looked at a few times, however many are asked for", () => {
    const layers = Array.from({ length: 3000 }, (_, index) => 7 * index);
    let reads = 0;
    const counted = new Proxy(layers, {
      get(target, property) {
        reads++;
        return Reflect.get(target, property);
      },
    });
    expect(chosenLayers(layers, counted)).toHaveLength(3000);
    expect(reads).toBeLessThan(10 * layers.length);
  });
});

test("an answer holds four million counts; what is more is refused, with what there would be", () => {
  const sizes = fc.record({
    layers: fc.nat({ max: 5000 }).map((length) => Array<number>(length).fill(0)),
    experts: fc.integer({ min: 1, max: 65_536 }),
    categories: fc.nat({ max: 100 }).map((length) => Array<string>(length).fill("")),
    together: fc.boolean(),
  });
  fc.assert(
    fc.property(range, points, sizes, ({ from, to }, points, { layers, experts, categories, together }) => {
      const width = BigInt(bucketWidth(from, to, points));
      const buckets = BigInt(to) / width - BigInt(from) / width + 1n;
      const loads = BigInt(together ? 1 : categories.length) + 2n;
      const counts = buckets * BigInt(layers.length) * BigInt(experts) * loads;
      const refuse = () => refuseTooMuch({ from, to, points, layers, together }, { experts, categories });
      if (counts <= 4_000_000n) expect(refuse).not.toThrow();
      else expect(refuse).toThrow(`${buckets} points × ${layers.length} layers × ${experts} experts × `);
    }),
  );
});
