// What every balancing strategy must do: one shared test that each strategy's test runs.
import { totalLoad } from "@moescope/metrics";
import { expect, test } from "vitest";
import { loadsOf } from "../moe/routing-counts.ts";
import { brokenLaws } from "../moe/routing-law.fixture.ts";
import { RecipeError } from "../recipe/recipe-error.ts";
import { resolveRecipe } from "../recipe/resolve-recipe.ts";
import { type TinyRun, TWO_MODALITIES, trainBriefly, UNEQUAL } from "../training/tiny-run.fixture.ts";
import { definitionOf } from "./combination.ts";
import type { BalancedRun } from "./strategy.ts";

/** A run for tests that build a strategy by itself. */
export const smallRun: BalancedRun = {
  moeLayers: 1,
  experts: 8,
  identityExperts: 0,
  topK: 2,
  groups: 1,
  gate: "sigmoid",
  capacityFactor: 0,
  width: 8,
  vocabulary: 256,
  sequences: 2,
  tokens: 12,
  steps: 10,
  seed: 0,
};

/** Every histogram, of training and evaluation, keeps the law, and has the K assignments of all tokens, or any number where that varies. */
function expectEveryAssignment({ steps, evaluation, layers, recipe: { model, data } }: TinyRun, varies: boolean): void {
  const assignments = varies ? expect.any(Number) : model.topK * data.batch * data.sequence;
  for (const { histograms } of [...steps, evaluation]) {
    expect(brokenLaws(histograms, layers)).toEqual([]);
    const found = histograms.map((histogram) => totalLoad(loadsOf(histogram)));
    expect(found).toEqual(layers.map(() => assignments));
    expect(Math.min(...found)).toBeGreaterThan(0);
  }
}

/**
 * @param varies whether the number of all assignments does
 * @param improves whether the strategy is expected to end with a lower MaxVio than no balancing on the same seed and data
 * @param settings for that comparison, where the defaults are meant for longer runs
 */
export function strategyCases(
  name: string,
  { improves, settings, varies = false }: { improves: boolean; settings?: string[]; varies?: boolean },
): void {
  test("is in the table of strategies, with a summary", () => {
    expect(definitionOf(name).summary).toMatch(/\w/);
  });

  test("reports every assignment of three unequal categories in two modalities", async () => {
    const run = await trainBriefly({ strategy: name, steps: 3, settings: [UNEQUAL], sources: TWO_MODALITIES });
    expectEveryAssignment(run, varies);
    const tokens = run.steps.at(-1)!.histograms[0]!.categories!.map((category) => category.tokens);
    expect(new Set(tokens).size).toBe(3);
  });

  test.each([
    ["a capacity", "model.capacityFactor=1"],
    ["a shared expert", "model.sharedExperts=1"],
    ["groups", "model.groups=4", "model.groupsKept=2"],
    ["no groups", "model.groups=1", "model.groupsKept=1"],
    ["identity experts", "model.identityExperts=2"],
    ["a capacity and groups", "model.capacityFactor=1", "model.groups=4", "model.groupsKept=2"],
    ["a capacity and identity experts", "model.capacityFactor=1", "model.identityExperts=2"],
    ["groups and identity experts", "model.groups=4", "model.groupsKept=2", "model.identityExperts=2"],
    ["all three", "model.capacityFactor=1", "model.groups=4", "model.groupsKept=2", "model.identityExperts=2"],
    ["a capacity that drops the lowest gates", "model.capacityFactor=1", "model.dropPolicy=gate"],
    ["a capacity that drops nothing", "model.capacityFactor=4"],
    ["sigmoid gates", "model.gate=sigmoid"],
    ["softmax gates", "model.gate=softmax"],
    ["square-root softplus gates", "model.gate=sqrt-softplus"],
    ["a dense first layer", "model.denseLayers=1"],
  ])("trains with %s, or says before training why not", async (_, ...settings) => {
    try {
      resolveRecipe({ recipe: "demo", strategy: name, settings: [...settings, "model.experts=8"] });
    } catch (error) {
      expect(error).toBeInstanceOf(RecipeError);
      expect((error as Error).message).toMatch(/^model\.\w+ is .+(set it to|needs|makes)/);
      return;
    }
    const data = { settings: [...settings, UNEQUAL], sources: TWO_MODALITIES };
    const run = await trainBriefly({ strategy: name, steps: 2, ...data });
    expectEveryAssignment(run, varies);
    expect(run.steps.every(({ loss, gradientNorm }) => Number.isFinite(loss) && gradientNorm > 0)).toBe(true);
  });

  test("is repeatable: the same seed gives the same losses and counts", async () => {
    const [first, second] = [
      await trainBriefly({ strategy: name, steps: 4 }),
      await trainBriefly({ strategy: name, steps: 4 }),
    ];
    expect(second.steps.map(({ loss }) => loss)).toEqual(first.steps.map(({ loss }) => loss));
    expect(second.steps.at(-1)!.histograms).toEqual(first.steps.at(-1)!.histograms);
  });

  test("leaves no tensor behind", async () => {
    const { tensors } = await trainBriefly({ strategy: name, steps: 6 });
    expect(new Set(tensors).size).toBe(1);
  });

  if (!improves) return;
  test("ends with a lower MaxVio than no balancing", async () => {
    const steps = 60;
    const [none, balanced] = [
      await trainBriefly({ strategy: "none", steps }),
      await trainBriefly({ strategy: name, steps, settings }),
    ];
    expect(balanced.lateMaxViolation).toBeLessThan(0.8 * none.lateMaxViolation);
  });
}
