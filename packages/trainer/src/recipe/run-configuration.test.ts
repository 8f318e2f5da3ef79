import { expect, test } from "vitest";
import { resolveRecipe } from "./resolve-recipe.ts";
import { changedSettings, configurationOf, readConfiguration, recipeIn } from "./run-configuration.ts";

const choice = { recipe: "quick", strategy: "loss-free-bias+z-loss", seed: 9, steps: 50 };
const settings = ["model.experts=8", "optimizer.learningRate=1e-7", "balancing.update=rms", "evaluation.every=7"];
const configuration = configurationOf(
  resolveRecipe({ ...choice, settings }),
  { sources: [{ category: "mine", glob: "texts/a=b.txt", weight: 2 }], tokenizer: "tokenizer.json" },
  { run: "parent", step: 20 },
);

test("a configuration read back from its JSON is the same", () => {
  expect(readConfiguration(JSON.parse(JSON.stringify(configuration)))).toEqual(configuration);
});

test("keeps the fingerprint of the data that it was trained on, and recipes have none", () => {
  const trained = { ...configuration, corpus: "0123456789ab" };
  expect(readConfiguration(JSON.parse(JSON.stringify(trained)))).toEqual(trained);
  expect(recipeIn(trained)).not.toHaveProperty("corpus");
});

test("names the built-in data when none was chosen", () => {
  const { sources } = configurationOf(resolveRecipe(choice), {});
  expect(sources).toEqual([{ category: "code" }, { category: "docs" }, { category: "maths" }]);
});

test("changes come after what is stored; another strategy starts from its own options", () => {
  const changed = readConfiguration(configuration, {
    steps: 60,
    settings: ["model.experts=16", "balancing.speed=0.5"],
  });
  expect(changedSettings(configuration, changed)).toEqual(["steps", "model.experts", "balancing.speed"]);
  const other = readConfiguration(configuration, { strategy: "auxiliary-loss", seed: 1 });
  expect(other.balancing).toEqual(resolveRecipe({ ...choice, strategy: "auxiliary-loss" }).balancing);
  expect(other).toMatchObject({ seed: 1, model: { experts: 8 } });
});

test("a configuration of version 0.1.0 opens: what did not exist then has its default", () => {
  const file = (category: string, origin: string) => ({
    category,
    origin,
    share: 0.5,
    files: 3,
    bytes: 9,
    heldOutBytes: 1,
  });
  const stored = {
    recipe: "light",
    seed: 3,
    steps: 300,
    model: { vocabulary: 256, layers: 2, denseLayers: 0, width: 64, heads: 2, experts: 8, topK: 2, expertWidth: 64 },
    data: { batch: 8, sequence: 64, validationBatches: 8 },
    evaluation: { every: 0 },
    balancing: { strategy: "auxiliary-loss", coefficient: 0.02 },
    sources: [file("maths", "generated questions"), file("notes", "notes=notes/**/*.md")],
  };
  const { sources, ...recipe } = readConfiguration(stored);
  const fresh = resolveRecipe({ recipe: "light", strategy: "auxiliary-loss", seed: 3 });
  expect(recipe).toEqual({ ...fresh, balancing: { ...fresh.balancing, coefficient: 0.02 } });
  expect(sources).toEqual([
    { category: "maths", weight: 0.5 },
    { category: "notes", glob: "notes/**/*.md", weight: 0.5 },
  ]);
});

test.each([
  ["no object", [], /is a JSON object/],
  ["an unknown recipe", { ...configuration, recipe: "qick" }, /"qick"; did you mean "quick"/],
  ["no strategy", { ...configuration, balancing: {} }, /Unknown strategy ""/],
  ["an unknown setting", { ...configuration, model: { expert: 3 } }, /"model.expert"; did you mean "model.experts"/],
  ["a value out of range", { ...configuration, model: { ...configuration.model, topK: 99 } }, /model.topK is 99/],
  ["a value of another kind", { ...configuration, steps: "many" }, /steps is "?many/],
  ["sources that are no list", { ...configuration, sources: {} }, /sources is \{\}; a list/],
])("refuses %s by name", (_, stored, says) => {
  expect(() => readConfiguration(stored)).toThrow(says);
});
