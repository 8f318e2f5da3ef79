import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../data/random.ts";
import { parameterSpecs } from "../model/transformer.ts";
import { resolveRecipe } from "../recipe/resolve-recipe.ts";
import { readConfiguration } from "../recipe/run-configuration.ts";
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { trainBriefly } from "../training/tiny-run.fixture.ts";
import { dealEvenly, hash } from "./hash.ts";
import { smallRun, strategyCases } from "./strategy.cases.ts";
import type { RouterScores } from "./strategy.ts";

await openBackend();

describe("hash", () => {
  strategyCases("hash", { improves: false });

  test("every expert has as many token ids as any other, or one more, and a token's experts differ", () => {
    const sizes = fc
      .record({
        vocabulary: fc.integer({ min: 1, max: 300 }),
        experts: fc.integer({ min: 1, max: 40 }),
        seed: fc.nat(),
      })
      .chain((size) => fc.record({ size: fc.constant(size), topK: fc.integer({ min: 1, max: size.experts }) }));
    fc.assert(
      fc.property(sizes, ({ size: { vocabulary, experts, seed }, topK }) => {
        const table = dealEvenly(vocabulary, experts, topK, new Random(seed));
        const ids = new Array(experts).fill(0);
        for (let id = 0; id < vocabulary; id++) {
          const own = [...table.slice(id * topK, id * topK + topK)];
          expect(new Set(own).size).toBe(topK);
          for (const expert of own) ids[expert] += 1;
        }
        expect(ids.reduce((sum, n) => sum + n, 0)).toBe(vocabulary * topK);
        expect(Math.max(...ids) - Math.min(...ids)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test("a checkpoint of before goes on with the experts that it was trained with, a new run has even ones", () => {
    const { deal: _, ...balancing } = { strategy: "hash", ...hash.defaults };
    const recipe = resolveRecipe({ recipe: "demo", strategy: "hash" });
    expect(recipe.balancing).toEqual({ strategy: "hash", deal: "even" });
    expect(readConfiguration({ ...recipe, balancing }).balancing).toEqual({ strategy: "hash", deal: "offset" });
    expect(readConfiguration(recipe).balancing).toEqual({ strategy: "hash", deal: "even" });
    const combined = readConfiguration({ ...recipe, balancing }, { strategy: "none" }).balancing;
    expect(combined).toEqual({ strategy: "none" });
    const choices = (deal: string) => {
      const tokens_T = tf.range(0, 12, 1, "int32");
      const context = { layer: 0, moeLayer: 0, step: 0, training: true, sequences: 1, tokens_T };
      const strategy = hash.create({ deal }, { ...smallRun, vocabulary: 12 });
      return strategy.choose!({ context, topK: 2 } as RouterScores)!.arraySync();
    };
    expect(choices("even")).not.toEqual(choices("offset"));
  });

  test("no router is among the parameters, and the same id always goes the same way", async () => {
    const { recipe } = await trainBriefly({ strategy: "hash", steps: 1 });
    const names = parameterSpecs(recipe.model, () => hash.router).map(({ name }) => name);
    expect(names.filter((name) => name.includes("router"))).toEqual([]);
    const strategy = hash.create(hash.defaults, { ...smallRun, vocabulary: 12 });
    const tokens_T = tf.tensor1d([3, 5, 3], "int32");
    const context = { layer: 0, moeLayer: 0, step: 0, training: true, sequences: 1, tokens_T };
    const choice = strategy.choose!({ context, topK: 2 } as RouterScores)!.arraySync() as number[][];
    expect(choice[0]).toEqual(choice[2]);
  });
});
