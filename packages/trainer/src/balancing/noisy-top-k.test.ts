import { describe, expect, test } from "vitest";
import golden from "../../golden/balancing.json" with { type: "json" };
import { startValues } from "../model/initialise.ts";
import { parameterSpecs } from "../model/transformer.ts";
import { resolveRecipe } from "../recipe/resolve-recipe.ts";
import { openBackend } from "../runtime/backends.ts";
import type { Tensor2D } from "../runtime/tf.ts";
import { tf } from "../runtime/tf.ts";
import { goldenRouting } from "./golden-routing.fixture.ts";
import { chanceOfChoice, noisyTopK, variationSquared } from "./noisy-top-k.ts";
import { smallRun, strategyCases } from "./strategy.cases.ts";

await openBackend();

describe("noisy-top-k", () => {
  strategyCases("noisy-top-k", { improves: true });

  test("starts with a gate and noise of zeros, so that noise alone chooses", () => {
    const { model } = resolveRecipe({ recipe: "demo", strategy: "noisy-top-k" });
    const specs = parameterSpecs(model, () => noisyTopK.router).filter(({ name }) => name.includes("router"));
    expect(new Set(specs.map(({ name }) => name.replace(/^block\d+\./, "")))).toEqual(
      new Set(["router", "router.noise"]),
    );
    for (const { values } of startValues(specs, 1)) expect(new Set(values)).toEqual(new Set([0]));
  });

  test("CV² of importance is tensor2tensor's on the golden input", () => {
    const value = tf.tidy(() => variationSquared(goldenRouting().gates_TE).dataSync()[0]!);
    expect(value).toBeCloseTo(golden["CV^2(importance) pop var"], 5);
  });

  test("the chance of a choice is high for what is clearly chosen, low for what is clearly not, and adds up to about K", () => {
    const chance = tf.tidy(() => {
      const logits_TE = tf.tensor2d([[3, 2, -2, -3]]);
      const noiseScale_TE = tf.fill([1, 4], 0.5) as Tensor2D;
      return [...chanceOfChoice({ cleanLogits_TE: logits_TE, logits_TE, noiseScale_TE, topK: 2 }).dataSync()];
    });
    // Of the others the second highest: −2 for what is in, 2 for what is out.
    const expected = [10, 8, -8, -10].map((z) => (z > 0 ? 1 : 0));
    chance.forEach((value, expert) => {
      expect(value).toBeCloseTo(expected[expert]!, 4);
    });
  });

  test("in evaluation there is no noise: the same batch twice gives the same counts as the clean logits", () => {
    const { addNoise } = noisyTopK.create(noisyTopK.defaults, smallRun);
    const strategy = { addNoise: addNoise! };
    tf.tidy(() => {
      const { logits_TE, cleanLogits_TE, noiseScale_TE } = goldenRouting({ strategy, training: false });
      expect(logits_TE).toBe(cleanLogits_TE);
      expect(noiseScale_TE).toBeUndefined();
    });
  });
});
