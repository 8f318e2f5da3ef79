import { expect, test } from "vitest";
import { openCorpus } from "./data/corpus.ts";
import { evaluate } from "./evaluation.ts";
import { openBackend } from "./runtime/backends.ts";
import { tinyRecipe } from "./tiny-run.fixture.ts";
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
