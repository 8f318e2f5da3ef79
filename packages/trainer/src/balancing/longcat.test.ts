import { describe, expect, test } from "vitest";
import { moeLayer } from "../moe/moe-layer.ts";
import { demo } from "../recipe/recipes/demo.ts";
import { openBackend } from "../runtime/backends.ts";
import type { Tensor2D, Tensor3D } from "../runtime/tf.ts";
import { tf } from "../runtime/tf.ts";
import { goldenLogits } from "./golden-routing.fixture.ts";
import { longcatUpdate } from "./longcat.ts";
import { strategyCases } from "./strategy.cases.ts";
import type { RouterScores } from "./strategy.ts";

await openBackend();

describe("longcat", () => {
  strategyCases("longcat", { improves: true });

  test("moves working experts towards their share of all choices, and leaves identity experts alone", () => {
    const bias = new Float32Array(4);
    // 2 of 3 choices should work, so each of two working experts should have a third.
    longcatUpdate(bias, [6, 2, 3, 1], 2, 2 / 3, 0.3);
    [0.3 * (1 / 3 - 0.5), 0.3 * (1 / 3 - 1 / 6), 0, 0].forEach((value, expert) => {
      expect(bias[expert]).toBeCloseTo(value, 7);
    });
  });

  test("an identity expert passes its token on, weighed by its gate", () => {
    tf.tidy(() => {
      const x_TD = goldenLogits();
      const strategy = {
        selectionScores: ({ scores_TE }: RouterScores) => tf.mul(scores_TE, [0, 0, 0, 0, 0, 0, 1, 1]) as Tensor2D,
      };
      const context = {
        layer: 0,
        moeLayer: 0,
        step: 0,
        training: true,
        sequences: 1,
        tokens_T: tf.range(0, 12, 1, "int32"),
      };
      const zeros = (...shape: [number, number, number]) => tf.zeros(shape) as Tensor3D;
      const weights = { router_DE: tf.eye(8) as Tensor2D, wIn_ED2F: zeros(6, 8, 4), wOut_EFD: zeros(6, 2, 8) };
      const options = {
        ...demo.model,
        experts: 8,
        identityExperts: 2,
      };
      const { y_TD, routing } = moeLayer(x_TD, weights, { strategy, context }, options);
      expect([...tf.sum(routing.chosen_TE, 0).dataSync()]).toEqual([0, 0, 0, 0, 0, 0, 12, 12]);
      expect(tf.max(tf.abs(tf.sub(y_TD, x_TD))).dataSync()[0]).toBeLessThan(1e-5);
    });
  });
});
