import { totalLoad } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { describe, expect, test } from "vitest";
import { loadsOf } from "../moe/routing-counts.ts";
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { REAL_TEXT, trainBriefly } from "./tiny-run.fixture.ts";

const { name: native } = await openBackend();

describe("a train step", () => {
  test("learns real text: the loss falls well below that of guessing", async () => {
    const { steps } = await trainBriefly({ steps: 80, sources: REAL_TEXT });
    const late = steps.slice(-10).reduce((sum, { crossEntropy }) => sum + crossEntropy, 0) / 10;
    expect(steps[0]!.crossEntropy).toBeGreaterThan(5);
    expect(late).toBeLessThan(4);
  });

  test("splits every count by category, and categories add up to the batch", async () => {
    const { steps, recipe } = await trainBriefly({ steps: 2, sources: REAL_TEXT });
    for (const { histograms } of steps) {
      for (const { categories } of histograms) {
        expect(categories!.map(({ category }) => category)).toEqual([0, 1, 2]);
        const tokens = categories!.reduce((sum, { tokens }) => sum + tokens!, 0);
        expect(tokens).toBe(recipe.data.batch * recipe.data.sequence);
      }
    }
  });

  test("gate mass adds up to one for each token, router probability to one", async () => {
    const { steps, recipe } = await trainBriefly({ steps: 1, sources: REAL_TEXT });
    const [{ gateMass, meanProbability }] = steps[0]!.histograms as [v1.RoutingHistogram];
    expect(totalLoad(gateMass)).toBeCloseTo(recipe.data.batch * recipe.data.sequence, 2);
    expect(totalLoad(meanProbability)).toBeCloseTo(1, 4);
  });

  test("with a capacity, what is beyond it is dropped, and given no gate mass", async () => {
    const { steps, recipe } = await trainBriefly({ steps: 3, settings: ["model.capacityFactor=1"] });
    const tokens = recipe.data.batch * recipe.data.sequence;
    const capacity = (2 * tokens) / recipe.model.experts;
    for (const { categories, gateMass } of steps.flatMap(({ histograms }) => histograms)) {
      const [{ counts, droppedCounts }] = categories as [v1.CategoryRouting];
      expect(totalLoad(counts)).toBe(2 * tokens);
      expect(droppedCounts).toEqual(counts.map((chosen) => Math.max(0, chosen - capacity)));
      // The gates of a token add up to 1.
      expect(totalLoad(gateMass!)).toBeLessThan(tokens - 1);
    }
  });

  test("a bias follows what was chosen, not what a capacity kept", async () => {
    // A capacity that every expert reaches: by what was kept, all would be balanced.
    const settings = ["model.capacityFactor=0.1", "balancing.speed=0.5"];
    const { steps } = await trainBriefly({ strategy: "loss-free-bias", steps: 2, settings });
    steps[0]!.histograms.forEach((histogram, place) => {
      const loads = [...loadsOf(histogram)];
      const kept = histogram.categories![0]!.droppedCounts!.map((dropped, expert) => loads[expert]! - dropped);
      expect(new Set(kept).size).toBe(1);
      const mean = totalLoad(loads) / loads.length;
      const { selectionBias } = steps[1]!.histograms[place]!;
      expect(selectionBias).toEqual(loads.map((load) => 0.5 * Math.sign(mean - load)));
    });
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
