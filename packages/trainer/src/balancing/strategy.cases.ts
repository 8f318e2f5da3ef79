// What every balancing strategy must do: one shared test that each strategy's test runs.
import { expect, test } from "vitest";
import { trainBriefly } from "../tiny-run.fixture.ts";
import { strategies } from "./index.ts";
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

/**
 * @param improves whether the strategy is expected to end with a lower MaxVio than no balancing on the same seed and data
 */
export function strategyCases(name: string, { improves }: { improves: boolean }): void {
  test("is in the table of strategies, with a summary", () => {
    expect(strategies[name]?.summary).toMatch(/\w/);
  });

  test("changes no count: every token keeps its K experts", async () => {
    const { steps, recipe } = await trainBriefly({ strategy: name, steps: 3 });
    for (const { histograms } of steps) {
      for (const { categories } of histograms) {
        for (const { counts, tokens, dropped } of categories!) {
          expect(counts!.reduce((sum, n) => sum + n, 0) + dropped!).toBe(recipe.model.topK * tokens!);
        }
      }
    }
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
      await trainBriefly({ strategy: name, steps }),
    ];
    expect(balanced.lateMaxViolation).toBeLessThan(0.8 * none.lateMaxViolation);
  });
}
