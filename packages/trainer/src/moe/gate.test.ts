import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openBackend } from "../runtime/backends.ts";
import { type Tensor, type Tensor2D, tf } from "../runtime/tf.ts";
import { gateNames, gateScores, gateShares } from "./gate.ts";

await openBackend();

/** Here too, where it is e^x. */
const SOFTPLUS_UNDERFLOWS = -700;

/** In float64; ln of a score, up to a number for each token. */
const logScore: Record<string, (x: number) => number> = {
  sigmoid: (x) => -softplus(-x),
  softmax: (x) => x,
  "sqrt-softplus": (x) => 0.5 * (x < SOFTPLUS_UNDERFLOWS ? x : Math.log(softplus(x))),
};

function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** Shares of one token among those that count. */
function sharesOf(gate: string, logits: readonly number[], among: readonly number[]): number[] {
  const logs = logits.map(logScore[gate]!);
  const most = Math.max(...logs.filter((_, e) => among[e]! > 0));
  const parts = logs.map((log, e) => (among[e]! > 0 ? Math.exp(log - most) : 0));
  const all = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => (all > 0 ? part / all : 0));
}

const logit = fc.oneof(
  fc.float({ min: -1e4, max: 1e4, noNaN: true }),
  fc.float({ min: -120, max: 120, noNaN: true }),
  fc.constantFrom(-1e4, -104, -90, -45, -20, -0, 0, 20, 88.8, 1e4),
);
const EXPERTS = 5;
const token = fc.record({
  logits: fc.array(logit, { minLength: EXPERTS, maxLength: EXPERTS }),
  among: fc.array(fc.constantFrom(0, 1), { minLength: EXPERTS, maxLength: EXPERTS }),
  /** What the loss makes of each share. */
  pull: fc.array(fc.float({ min: -2, max: 2, noNaN: true }), { minLength: EXPERTS, maxLength: EXPERTS }),
});

describe.each(gateNames)("%s", (gate) => {
  test("shares and their gradient are those of float64, for logits from −10,000 to 10,000", () => {
    fc.assert(
      fc.property(token, ({ logits, among, pull }) => {
        const { shares, gradient } = tf.tidy(() => {
          const among_TE = tf.tensor2d([among]);
          const of = (logits_TE: Tensor2D) => gateShares(logits_TE, gate, among_TE);
          const pulled = (logits_TE: Tensor) => tf.sum(tf.mul(of(logits_TE as Tensor2D), tf.tensor2d([pull])));
          const logits_TE = tf.tensor2d([logits]);
          return { shares: of(logits_TE).dataSync(), gradient: tf.grad(pulled)(logits_TE).dataSync() };
        });
        const expected = sharesOf(gate, logits, among);
        for (const [e, share] of expected.entries())
          expect(Math.abs(shares[e]! - share)).toBeLessThan(1e-3 * share + 1e-6);
        // d share_i / d x_e = share_i (δ_ie − share_e) · d ln score_e / d x_e, and the last factor is from 0 to 1.
        const mean = expected.reduce((sum, share, e) => sum + share * pull[e]!, 0);
        expected.forEach((share, e) => {
          const bound = Math.abs(share * (pull[e]! - mean));
          expect(Number.isFinite(gradient[e]!)).toBe(true);
          expect(Math.abs(gradient[e]!)).toBeLessThan(bound + 2e-2 * share + 1e-5);
          const known = slope(gate, logits[e]!);
          expect(Math.abs(gradient[e]! - share * (pull[e]! - mean) * known)).toBeLessThan(2e-2 * share + 1e-5);
        });
      }),
      { numRuns: 400 },
    );
  });

  test("scores have a gradient that is a number wherever they lie", () => {
    const at = [-1e4, -200, -104, -90, -45, -20.0001, -20, -19.9999, -1, 0, 1, 45, 90, 1e4];
    const [scores, gradient] = tf.tidy(() => {
      const logits_TE = tf.tensor2d([at]);
      const sum = (x_TE: Tensor) => tf.sum(gateScores(x_TE as Tensor2D, gate));
      return [gateScores(logits_TE, gate).dataSync(), tf.grad(sum)(logits_TE).dataSync()];
    });
    expect([...scores, ...gradient].every(Number.isFinite)).toBe(true);
    if (gate === "sqrt-softplus") {
      for (const [e, x] of at.entries()) {
        expect(scores[e]).toBeCloseTo(Math.sqrt(softplus(x)), Math.abs(x) > 100 ? 3 : 5);
      }
    }
  });
});

/** d ln score / d x in float64. */
function slope(gate: string, x: number): number {
  if (gate === "softmax") return 1;
  const sigmoid = 1 / (1 + Math.exp(-x));
  if (gate === "sigmoid") return 1 / (1 + Math.exp(x));
  return x < SOFTPLUS_UNDERFLOWS ? 0.5 : (0.5 * sigmoid) / softplus(x);
}
