import { describe, expect, test } from "vitest";
import { resolveRecipe } from "./resolve-recipe.ts";

const resolve = (...settings: string[]) => resolveRecipe({ recipe: "demo", strategy: "loss-free-bias", settings });

test("a recipe is complete: resolving its own values again changes nothing", () => {
  const recipe = resolve("model.experts=64", "balancing.speed=0.002");
  expect(recipe.model.experts).toBe(64);
  const own = { strategy: "loss-free-bias", speed: 0.002, update: "sign", until: 1 };
  expect(recipe.balancing).toEqual({ ...own, schedule: "constant", warmup: 0, finalShare: 0 });
  expect(JSON.parse(JSON.stringify(recipe))).toEqual(recipe);
});

test("settings of one run do not leak into the next", () => {
  resolve("model.experts=64");
  expect(resolve().model.experts).toBe(16);
});

test("the largest batch whose counts are exact, and the most of it that an evaluation can count", () => {
  const { data } = resolve("data.batch=131072", "data.validationBatches=255");
  expect(data.batch * data.sequence).toBe(2 ** 24);
});

describe("refuses, naming the value and what is allowed:", () => {
  test.each([
    [["model.expert=4"], /Unknown setting "model.expert"; did you mean "model.experts"\?/],
    [["balancing.coefficient=1"], /Unknown setting "balancing.coefficient".*balancing.speed/],
    [["model.topK=17"], /model.topK is 17; allowed are 1 to model.experts = 16/],
    [["model.topK=0"], /model.topK is 0; allowed are whole numbers from 1/],
    [["model.width=30"], /model.width is 30; it must be a multiple of 2 × model.heads = 8/],
    [["model.dropPolicy=probs"], /model.dropPolicy is "probs"; allowed: position, gate/],
    [
      ["model.dropPolicy=gate", "data.batch=131072", "data.validationBatches=1"],
      /model.dropPolicy is gate with 33554432 choices a batch/,
    ],
    [["model.gate=relu"], /model.gate is "relu"; allowed: sigmoid, softmax, sqrt-softplus/],
    [["model.topK=1"], /model.normaliseGates is true with model.topK = 1/],
    [["model.denseLayers=4"], /model.denseLayers is 4; allowed are 0 to 3/],
    [["data.batch=1.5"], /data.batch is 1.5; allowed are whole numbers/],
    [["data.batch=many"], /data.batch is "many"; it must be a number/],
    [["model.normaliseGates=yes"], /is "yes"; allowed are true and false/],
    [["model.experts"], /Setting "model.experts" has no value/],
    [["balancing.speed=-1"], /balancing.speed is -1/],
    [["optimizer.learningRate=-1"], /optimizer.learningRate is -1/],
    [["data.batch=131073"], /data.batch × data.sequence is 16777344; it must be at most 2\^24 = 16777216/],
    [["data.batch=131072", "data.validationBatches=256"], /data.validationBatches is 256; .* below 2\^32 tokens/],
  ])("%s", (settings, message) => {
    expect(() => resolve(...settings)).toThrow(message);
  });

  test("an unknown recipe", () => {
    expect(() => resolveRecipe({ recipe: "dmeo", strategy: "none" })).toThrow(
      /"dmeo"; did you mean "demo"\? Allowed: demo/,
    );
  });

  test.each([
    ["loss-fre", "loss-free-bias"],
    ["aux", "auxiliary-loss"],
  ])("the beginning of a strategy's name, %s", (strategy, meant) => {
    expect(() => resolveRecipe({ recipe: "demo", strategy })).toThrow(`did you mean "${meant}"`);
  });

  test("the last part of a setting's name", () => {
    expect(() => resolve("experts=4")).toThrow(/"experts"; did you mean "model.experts"/);
  });

  test("an unknown strategy", () => {
    expect(() => resolveRecipe({ recipe: "demo", strategy: "aux-loss" })).toThrow(
      /"aux-loss"; did you mean "auxiliary-loss"/,
    );
  });
});
