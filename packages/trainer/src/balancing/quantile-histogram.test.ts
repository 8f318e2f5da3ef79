import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { biasOf, quantileHistogram, requiredBiases } from "./quantile-histogram.ts";
import { smallRun, strategyCases } from "./strategy.cases.ts";

await openBackend();

describe("quantile-histogram", () => {
  strategyCases("quantile-histogram", { improves: true });

  test("is within a bin of the exact quantile, and its bias has mean 0", () => {
    const scores = fc.array(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 }), {
      minLength: 4,
      maxLength: 40,
    });
    const biases = fc.array(fc.double({ min: -0.5, max: 0.5, noNaN: true }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(scores, biases, fc.integer({ min: 1, max: 3 }), (rows, given, topK) => {
        const bias = Float32Array.from(given);
        const bins = 200;
        const counts = tf.tidy(() => requiredBiases(tf.tensor2d(rows), bias, topK, bins).dataSync<"float32">());
        expect(counts.reduce((sum, n) => sum + n, 0)).toBe(rows.length * 4);
        const found = biasOf(counts, bias, topK);
        expect(found.reduce((sum, b) => sum + b, 0)).toBeCloseTo(0, 9);
        const exact = exactBias(rows, bias, topK);
        const width = (Math.max(...bias) - Math.min(...bias) + 2) / bins;
        // Each is off by a bin at most, and so is their mean; rounding may tip a value that lies on the end of a bin.
        for (const [expert, value] of exact.entries()) {
          expect(Math.abs(found[expert]! - value)).toBeLessThan(3 * width);
        }
      }),
      { numRuns: 100 },
    );
  });

  test.each([
    [{ bins: 1 }, {}, /balancing.bins is 1; allowed are whole numbers from 2/],
    [{ bins: 9 }, { gate: "sqrt-softplus" }, /model.gate is sqrt-softplus/],
    [{ bins: 9 }, { topK: 8 }, /model.topK is 8; quantile balancing needs at most 7/],
  ])("refuses %j with %j", (options, run, says) => {
    expect(() => quantileHistogram.create(options, { ...smallRun, ...run })).toThrow(says);
  });
});

/** From all values sorted, without bins: the least r that a share K/E of all lies at or below. */
function exactBias(rows: number[][], bias: Float32Array, topK: number): number[] {
  const experts = bias.length;
  const border = rows.map((row) => row.map((s, e) => s + bias[e]!).sort((a, b) => b - a)[topK]!);
  const quantiles = Array.from({ length: experts }, (_, e) => {
    const required = rows.map((row, t) => border[t]! - row[e]!).sort((a, b) => a - b);
    return required[Math.ceil((rows.length * topK) / experts) - 1]!;
  });
  const mean = quantiles.reduce((sum, q) => sum + q, 0) / experts;
  return quantiles.map((q) => q - mean);
}
