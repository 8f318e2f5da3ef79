import { maxViolation } from "@moescope/metrics";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chooseTopK, hotChoices } from "../moe/route-plan.ts";
import { openBackend } from "../runtime/backends.ts";
import { type Tensor2D, tf } from "../runtime/tf.ts";
import { trainBriefly } from "../training/tiny-run.fixture.ts";
import { bip, solvePrices } from "./bip.ts";
import { goldenRouting } from "./golden-routing.fixture.ts";
import { smallRun, strategyCases } from "./strategy.cases.ts";

await openBackend();

describe("bip", () => {
  strategyCases("bip", { improves: true });

  test("balances any batch of distinct skewed scores before it is routed, and prices are never below 0", () => {
    const [tokens, experts, topK] = [64, 8, 2];
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), fc.double({ min: 0, max: 1, noNaN: true }), (seed, skew) => {
        const { bias, before, after } = tf.tidy(() => {
          const lean = tf.linspace(0, skew, experts);
          const scores_TE = tf.sigmoid(
            tf.add(tf.randomNormal([tokens, experts], 0, 1, "float32", seed), lean),
          ) as Tensor2D;
          const bias_E = solvePrices(scores_TE, tf.zeros([experts]), topK, 30);
          const loads = (x_TE: Tensor2D) => tf.sum(hotChoices(chooseTopK(x_TE, topK), experts), 0).dataSync();
          const priced_TE = tf.add(scores_TE, bias_E) as Tensor2D;
          return { bias: bias_E.dataSync(), before: loads(scores_TE), after: loads(priced_TE) };
        });
        expect(Math.max(...bias)).toBeLessThanOrEqual(0);
        expect(maxViolation(after)).toBeLessThanOrEqual(Math.max(0.25, maxViolation(before)));
      }),
      { numRuns: 40 },
    );
  });

  test("is balanced from the first step, where no balancing is not", async () => {
    const ofFirst = async (strategy: string) => {
      const { steps } = await trainBriefly({ strategy, steps: 1 });
      return Math.max(
        ...steps[0]!.histograms.map(({ categories }) =>
          maxViolation(
            categories!.reduce((sum, { counts }) => sum.map((n, e) => n + counts![e]!), new Array(8).fill(0)),
          ),
        ),
      );
    };
    expect(await ofFirst("bip")).toBeLessThan(0.3 * (await ofFirst("none")));
  });

  test("in evaluation the price stays what the last batch left", () => {
    const strategy = bip.create(bip.defaults, smallRun);
    const price = [0, -0.3, 0, 0, -0.9, 0, 0, 0];
    const chosen = (choice: Parameters<typeof goldenRouting>[0]) =>
      tf.tidy(() => goldenRouting({ gate: "sigmoid", bias: price, ...choice }).chosen_TE.arraySync());
    expect(chosen({ strategy, training: false })).toEqual(chosen({}));
    expect(chosen({ strategy })).not.toEqual(chosen({}));
  });

  test("refuses no iterations, naming them", () => {
    expect(() => bip.create({ iterations: 0 }, smallRun)).toThrow(
      /balancing.iterations is 0; allowed are whole numbers/,
    );
  });
});
