import { describe, expect, test } from "vitest";
import { parameterSpecs } from "../model/transformer.ts";
import { loadsOf } from "../moe/routing-counts.ts";
import { brokenLaws } from "../moe/routing-law.fixture.ts";
import { resolveRecipe } from "../recipe/resolve-recipe.ts";
import { readConfiguration } from "../recipe/run-configuration.ts";
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { trainBriefly } from "../training/tiny-run.fixture.ts";
import { definitionOf } from "./combination.ts";
import { smallRun } from "./strategy.cases.ts";
import type { RouterScores } from "./strategy.ts";

await openBackend();

const resolve = (strategy: string, ...settings: string[]) => resolveRecipe({ recipe: "demo", strategy, settings });

describe("ranges of layers", () => {
  test("have options of their own, with what the recipe sets for each strategy", () => {
    const strategy = "hash@0-2/loss-free-bias+z-loss@3-";
    const { balancing } = resolve(strategy, "balancing.zCoefficient@3-=0.5");
    expect(balancing).toEqual({
      strategy,
      "deal@0-2": "even",
      "speed@3-": 0.01,
      "update@3-": "sign",
      "until@3-": 1,
      "zCoefficient@3-": 0.5,
      "schedule@3-": "constant",
      "warmup@3-": 0,
      "finalShare@3-": 0,
    });
    const recipe = resolve(strategy);
    const { deal: _, ...older } = { ...recipe.balancing, deal: 0 };
    expect(readConfiguration({ ...recipe, balancing: older }).balancing).toEqual(recipe.balancing);
  });

  test.each([
    ["hash@1-", /"hash@1-": @1- begins at MoE layer 1, expected 0/],
    ["hash@0-2/none@2-", /@2- begins at MoE layer 2, expected 3/],
    ["hash@0-/none@4", /@0- leaves no layer to @4/],
    ["hash@2-1", /"hash@2-1" is no strategy of a range of layers; write NAME@FIRST-LAST/],
    ["hash/none@1-", /"hash" is no strategy of a range/],
    ["hash@0-1", /ends with @0-1; the last of the 4 MoE layers is 3/],
    ["hash@0-2/none@3/z-loss@4-", /ends with @4-; the last of the 4 MoE layers is 3/],
    ["hahs@0-2/none@3", /Unknown strategy "hahs"; did you mean "hash"/],
    ["hash+z-loss@0-2/none@3", /"hash" learns no router/],
    ["hash@0/sinkhorn@1-", /sinkhorn@1- needs model.normaliseGates=false, an earlier range true/],
  ])("%s is refused with the reason", (strategy, says) => {
    expect(() => resolve(strategy)).toThrow(says);
  });

  test("an option out of range is refused in the range that has it", () => {
    expect(() => resolve("none@0/loss-free-bias@1-", "balancing.speed@1-=-1")).toThrow(/balancing.speed is -1/);
    expect(() => resolve("none@0/loss-free-bias@1-", "balancing.speed=1")).toThrow(/did you mean "balancing.speed@1-"/);
  });

  test.each(["loss-free-bias", "auxiliary-loss+z-loss", "quantile"])(
    "one range of %s is the same as none",
    async (name) => {
      const plain = await trainBriefly({ strategy: name, steps: 5 });
      const ranged = await trainBriefly({ strategy: `${name}@0-`, steps: 5 });
      expect(ranged.steps).toEqual(plain.steps);
      const halves = await trainBriefly({ strategy: `${name}@0/${name}@1-`, steps: 5 });
      expect(halves.steps.map(({ histograms }) => histograms)).toEqual(plain.steps.map(({ histograms }) => histograms));
    },
  );

  test("only layers of a strategy with a router have one, and only those with a bias send it", async () => {
    const strategy = "hash@0/loss-free-bias@1-";
    const { recipe, steps, layers } = await trainBriefly({ strategy, steps: 3 });
    const definition = definitionOf(strategy);
    const names = parameterSpecs(recipe.model, (moeLayer) => definition.ofLayer!(moeLayer).router).map(
      ({ name }) => name,
    );
    expect(names.filter((name) => name.includes("router"))).toEqual(["block1.router"]);
    for (const { histograms } of steps) {
      expect(brokenLaws(histograms, layers)).toEqual([]);
      expect(histograms.map(({ selectionBias }) => selectionBias!.length)).toEqual([0, 8]);
    }
    expect(Math.max(...steps.at(-1)!.histograms[1]!.selectionBias!)).toBeCloseTo(0.02, 6);
  });

  test("a loss is that of the layers that have it", async () => {
    const first = async (strategy: string) => (await trainBriefly({ strategy, steps: 1 })).steps[0]!.balanceLoss;
    const [lower, upper] = [await first("z-loss@0/none@1-"), await first("none@0/z-loss@1-")];
    expect(lower + upper).toBeCloseTo(await first("z-loss"), 6);
    expect(Math.min(lower, upper)).toBeGreaterThan(0);
  });

  test("what is measured reaches the strategy of its layer, whatever its size", async () => {
    const biases = async (strategy: string) => {
      const { steps } = await trainBriefly({ strategy, steps: 2 });
      return steps[1]!.histograms.map(({ selectionBias }) => selectionBias);
    };
    const [histogram, quantile] = [await biases("quantile-histogram"), await biases("quantile")];
    expect(await biases("quantile-histogram@0/quantile@1-")).toEqual([histogram[0], quantile[1]]);
    expect(await biases("none@0/quantile@1-")).toEqual([[], quantile[1]]);
  });

  test("top-k varies in the layers where it does", async () => {
    const { layers, steps } = await trainBriefly({ strategy: "expert-threshold@0/none@1-", steps: 6 });
    expect(layers.map(({ topK }) => topK)).toEqual([0, 2]);
    const loads = steps.at(-1)!.histograms.map((histogram) => loadsOf(histogram).reduce((sum, n) => sum + n, 0));
    expect(loads[1]).toBe(2 * 8 * 32);
    expect(loads[0]).not.toBe(loads[1]);
  });

  test("two ranges of one strategy draw differently", () => {
    const strategy = definitionOf("hash@0/hash@1-").create(
      { "deal@0": "even", "deal@1-": "even" },
      { ...smallRun, moeLayers: 2, vocabulary: 64 },
    );
    const choices = [0, 1].map((place) => {
      const { strategy: own, moeLayer } = strategy.ofLayer!(place);
      const tokens_T = tf.range(0, 64, 1, "int32");
      const context = { layer: place, moeLayer, step: 0, training: true, sequences: 1, tokens_T };
      return tf.tidy(() => own.choose!({ context, topK: 2 } as RouterScores)!.arraySync());
    });
    expect(choices[0]).not.toEqual(choices[1]);
  });
});
