import { deadExperts, maxViolation, totalLoad } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { openCorpus } from "../data/corpus.ts";
import { loadsOf } from "../moe/routing-counts.ts";
import { brokenLaws } from "../moe/routing-law.fixture.ts";
import { configurationOf, fitToData } from "../recipe/run-configuration.ts";
import { openBackend } from "../runtime/backends.ts";
import { evaluate } from "./evaluation.ts";
import { TWO_MODALITIES, tinyRecipe } from "./tiny-run.fixture.ts";
import { TrainStep } from "./train-step.ts";

await openBackend();

test.each([
  ["text", undefined, ["code", "docs", "maths"]],
  ["images with captions", [{ category: "shapes" }, { category: "maths" }], ["text", "maths"]],
])("the losses of the categories of %s add up to the whole, weighted by their tokens", async (_, sources, named) => {
  const recipe = tinyRecipe({ steps: 1, settings: ["data.validationBatches=3", "data.sequence=64"] });
  const corpus = await openCorpus({ ...recipe.data, seed: recipe.seed, sources });
  const { vocabulary, patchSize, categories, validation } = corpus;
  const trainer = new TrainStep({ ...recipe, model: { ...recipe.model, vocabulary, patchSize } }, categories.length);
  const { loss, scalars } = evaluate(trainer, corpus);
  trainer.dispose();

  const lossOf = new Map(scalars.map(({ name, value }) => [name, value!]));
  expect([...lossOf.keys()]).toEqual(["loss", ...named.map((category) => `loss/category/${category}`)]);
  const row = recipe.data.sequence + 1;
  const predicted = categories.map((_, category) => {
    const isPredicted = (batch: (typeof validation)[number], i: number) => i % row > 0 && !batch.isPatch?.[i];
    return validation.reduce((sum, batch) => {
      return sum + batch.categories.filter((found, i) => found === category && isPredicted(batch, i)).length;
    }, 0);
  });
  const total = predicted.reduce((sum, tokens) => sum + tokens, 0);
  const whole = categories.reduce((sum, category, i) => {
    return sum + ((lossOf.get(`loss/category/${category}`) ?? 0) * predicted[i]!) / total;
  }, 0);
  expect(whole).toBeCloseTo(loss, 5);
  for (const category of named) expect(lossOf.get(`loss/category/${category}`)).toBeGreaterThan(1);
});

test("adds up what its batches were routed to, and judges the experts that work", async () => {
  const recipe = tinyRecipe({
    strategy: "longcat",
    steps: 1,
    settings: ["data.validationBatches=4", "data.batch=2", "model.identityExperts=3", "model.capacityFactor=0.75"],
  });
  const corpus = await openCorpus({ ...recipe.data, seed: recipe.seed, sources: TWO_MODALITIES });
  const trainer = new TrainStep(fitToData(configurationOf(recipe, {}), corpus), corpus.categories.length);
  const apart = corpus.validation.map((batch) => trainer.evaluate(batch).histograms as v1.RoutingHistogram[]);
  const { histograms, maxViolation: violation, deadExperts: dead, dropped } = evaluate(trainer, corpus);
  trainer.dispose();

  expect(brokenLaws(histograms, trainer.layers)).toEqual([]);
  // Some batch lacks a category that another has: only then is it seen whether categories are matched.
  expect(new Set(apart.map(([layer]) => layer!.categories.length)).size).toBeGreaterThan(1);
  histograms.forEach((whole, place) => {
    const parts = apart.map((layers) => layers[place]!);
    for (const { category, counts, tokens, droppedCounts } of whole.categories!) {
      const own = parts.flatMap(({ categories }) => categories.filter((other) => other.category === category));
      expect(tokens).toBe(totalLoad(own.map((routing) => routing.tokens)));
      expect(counts).toEqual(added(own.map((routing) => routing.counts)));
      expect(droppedCounts).toEqual(added(own.flatMap(({ droppedCounts }) => (droppedCounts ? [droppedCounts] : []))));
    }
    const tokens = parts.map(({ categories }) => totalLoad(categories.map((routing) => routing.tokens)));
    expectClose(whole.gateMass!, added(parts.map(({ gateMass }) => gateMass)));
    const weighted = parts.map(({ meanProbability }, i) => meanProbability.map((p) => p * tokens[i]!));
    expectClose(
      whole.meanProbability!,
      added(weighted).map((p) => p / totalLoad(tokens)),
    );
  });
  expect(dropped).toBe(totalLoad(apart.flat().flatMap(droppedIn)));
  const working = histograms.map((histogram) => loadsOf(histogram).slice(0, 5));
  expect(violation).toBeCloseTo(totalLoad(working.map(maxViolation)) / 2, 12);
  expect(dead).toBe(working.flatMap((loads) => deadExperts(loads)).length);
});

function droppedIn({ categories }: v1.RoutingHistogram): number[] {
  return categories.flatMap(({ droppedCounts }) => droppedCounts ?? []);
}

function added(rows: number[][]): number[] {
  return rows[0]!.map((_, expert) => totalLoad(rows.map((row) => row[expert]!)));
}

function expectClose(actual: number[], expected: number[]): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 8);
  });
}
