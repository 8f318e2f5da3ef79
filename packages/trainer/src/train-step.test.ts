import { describe, expect, test } from "vitest";
import { openBackend } from "./runtime/backends.ts";
import { tf } from "./runtime/tf.ts";
import { trainBriefly } from "./tiny-run.fixture.ts";

const { name: native } = await openBackend();

describe("a train step", () => {
  test("learns real text: the loss falls well below that of guessing", async () => {
    const { steps } = await trainBriefly({ steps: 80, realText: true });
    const late = steps.slice(-10).reduce((sum, { crossEntropy }) => sum + crossEntropy, 0) / 10;
    expect(steps[0]!.crossEntropy).toBeGreaterThan(5);
    expect(late).toBeLessThan(4);
  });

  test("splits every count by category, and categories add up to the batch", async () => {
    const { steps, recipe } = await trainBriefly({ steps: 2, realText: true });
    for (const { histograms } of steps) {
      for (const { categories } of histograms) {
        expect(categories!.map(({ category }) => category)).toEqual([0, 1, 2]);
        const tokens = categories!.reduce((sum, { tokens }) => sum + tokens!, 0);
        expect(tokens).toBe(recipe.data.batch * recipe.data.sequence);
      }
    }
  });

  test("gate mass adds up to one for each token, router probability to one", async () => {
    const { steps } = await trainBriefly({ steps: 1 });
    const [routing] = steps[0]!.histograms[0]!.categories!;
    const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
    expect(sum(routing!.gateMass!)).toBeCloseTo(routing!.tokens!, 2);
    expect(sum(routing!.meanProbability!)).toBeCloseTo(1, 4);
  });

  test("with a capacity, what is dropped is counted and no expert takes more", async () => {
    const { steps, recipe } = await trainBriefly({ steps: 3, settings: ["model.capacityFactor=1"] });
    const { batch, sequence } = recipe.data;
    const capacity = (2 * batch * sequence) / recipe.model.experts;
    for (const { histograms } of steps) {
      for (const { categories } of histograms) {
        const [{ counts, dropped }] = categories as [Required<NonNullable<typeof categories>[number]>];
        expect(Math.max(...counts)).toBeLessThanOrEqual(capacity);
        expect(dropped).toBeGreaterThan(0);
        expect(counts.reduce((sum, n) => sum + n, 0) + dropped).toBe(2 * batch * sequence);
      }
    }
  });

  test.each([
    ["shared experts", "model.sharedExperts=1"],
    ["a dense first layer", "model.denseLayers=1"],
    ["a softmax gate", "model.gate=softmax"],
    ["gates that are not normalised", "model.normaliseGates=false"],
    ["one expert a token", "model.topK=1", "model.normaliseGates=false"],
  ])("trains with %s", async (_, ...settings) => {
    const { steps } = await trainBriefly({ steps: 12, settings });
    expect(steps.at(-1)!.crossEntropy).toBeLessThan(steps[0]!.crossEntropy - 0.5);
  });

  test.runIf(native !== "cpu")("gives the same losses and counts on the plain cpu backend", async () => {
    const settings = ["model.sharedExperts=1", "model.capacityFactor=1.25"];
    const run = () => trainBriefly({ strategy: "loss-free-bias", steps: 3, settings });
    const here = await run();
    await tf.setBackend("cpu");
    const plain = await run();
    await tf.setBackend(native);
    plain.steps.forEach((step, i) => {
      expect(step.loss).toBeCloseTo(here.steps[i]!.loss, 3);
      expect(step.gradientNorm / here.steps[i]!.gradientNorm).toBeCloseTo(1, 3);
    });
    expect(plain.steps[0]!.histograms[0]!.categories![0]!.counts).toEqual(
      here.steps[0]!.histograms[0]!.categories![0]!.counts,
    );
  });
});
