import { v1 } from "@moescope/proto";
import { describe, expect, test } from "vitest";
import { openCorpus } from "../data/corpus.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { StepReport } from "../reporting/reporter.ts";
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { tinyRecipe } from "../training/tiny-run.fixture.ts";
import { train } from "../training/train.ts";
import { TrainStep } from "../training/train-step.ts";
import { Probe } from "./probe.ts";
import { Recorder } from "./recorder.fixture.ts";
import { defaultTokenClasses } from "./token-classes.ts";

const { name: native } = await openBackend();
const steps = 12;

const recipe = (...settings: string[]) =>
  tinyRecipe({ strategy: "loss-free-bias", steps, settings: ["probe.every=4", ...settings] });

const corpusOf = (recipe: Recipe, categories = ["maths"]) =>
  openCorpus({ ...recipe.data, seed: recipe.seed, sources: categories.map((category) => ({ category })) });

/** Trains a run with probes. @returns the probes, and the losses of training */
async function probed(recipe: Recipe, categories?: string[]) {
  const corpus = await corpusOf(recipe, categories);
  const reporter = new Recorder();
  const probe = recipe.probe.every > 0 ? new Probe(recipe, corpus) : undefined;
  await train({ recipe, corpus, trainer: new TrainStep(recipe, corpus.categories.length), reporter, probe });
  const of = (split: v1.Split) => reporter.reports.filter((report) => report.split === split);
  return { probes: of(v1.Split.PROBE), losses: of(v1.Split.TRAIN).map(({ scalars }) => scalars![0]!.value) };
}

function named(report: StepReport, prefix: string): Record<string, number> {
  const found = report.scalars!.filter(({ name }) => name!.startsWith(prefix));
  return Object.fromEntries(found.map(({ name, value }) => [name!.slice(prefix.length), value!]));
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe("a run with probes", async () => {
  const { model } = recipe();
  const { probes, losses } = await probed(recipe(), ["code", "docs"]);

  test("has one every so many steps and after the last", async () => {
    expect(probes.map(({ step }) => step)).toEqual([3, 7, 11]);
    const uneven = await probed(recipe("probe.every=5"));
    expect(uneven.probes.map(({ step }) => step)).toEqual([4, 9, 11]);
  });

  test("trains as it would without", async () => {
    const without = await probed(recipe("probe.every=0"), ["code", "docs"]);
    expect(without.probes).toEqual([]);
    expect(without.losses).toEqual(losses);
  });

  test("says where the attention of every head goes; shares add up to 1", () => {
    for (const { attention } of probes) {
      expect(attention!.map(({ layer, head }) => [layer, head])).toEqual([
        [0, -1],
        [0, 0],
        [0, 1],
        [1, -1],
        [1, 0],
        [1, 1],
      ]);
      for (const { tokenClass, share } of attention!) {
        expect(tokenClass).toEqual(["#", "*", "whitespace", "other"]);
        expect(sum(share!)).toBeCloseTo(1, 5);
        // Code and documents have whitespace, and not only that.
        expect(share![2]).toBeGreaterThan(0.05);
        expect(share![2]).toBeLessThan(0.6);
      }
      const [mean, first, second] = attention!;
      expect(mean!.share!.map((value) => value * 2)).toEqual(
        first!.share!.map((value, index) => expect.closeTo(value + second!.share![index]!, 5)),
      );
    }
  });

  test("says what an even spread would give, which does not change", () => {
    const uniform = probes.map((report) => named(report, "attention/uniform/"));
    expect(sum(Object.values(uniform[0]!))).toBeCloseTo(1, 5);
    expect(uniform[2]).toEqual(uniform[0]);
    // A model that has learnt little spreads its attention nearly so.
    const [mean] = probes[0]!.attention!;
    expect(Math.abs(mean!.share![2]! - uniform[0]!.whitespace!)).toBeLessThan(0.1);
  });

  test("scores every head from 0 to 1", () => {
    for (const { heads } of probes) {
      expect(heads).toHaveLength(model.layers * model.heads);
      for (const { layer: _, head: __, ...scores } of heads!) {
        expect(Object.keys(scores).sort()).toEqual(["broad", "firstToken", "induction", "local", "previousToken"]);
        for (const score of Object.values(scores)) {
          expect(score).toBeGreaterThanOrEqual(0);
          expect(score).toBeLessThan(1 + 1e-5);
        }
      }
    }
  });

  test("counts the routing of the same tokens each time", () => {
    const tokens = probes.map(({ histograms }) =>
      histograms!.map(({ categories }) => sum(categories!.map((c) => c.tokens!))),
    );
    for (const layers of tokens) expect(layers).toEqual([8 * 32, 8 * 32]);
  });

  test("says how many choices changed since the probe before, and how many the bias changed", () => {
    expect(named(probes[0]!, "router/churn/")).toEqual({});
    for (const report of probes.slice(1)) {
      const churn = named(report, "router/churn/");
      expect(Object.keys(churn)).toEqual(["0", "1"]);
      for (const value of Object.values(churn)) expect(value).toBeGreaterThan(0);
      for (const value of Object.values(churn)) expect(value).toBeLessThan(1);
    }
    expect(Object.keys(named(probes[2]!, "router/bias_changed/"))).toEqual(["0", "1"]);
    expect(sum(Object.values(named(probes[2]!, "router/bias_changed/")))).toBeGreaterThan(0);
  });

  test("says at the end how much of the final choices earlier probes had", () => {
    expect(probes[0]!.saturation).toEqual([]);
    expect(probes[1]!.saturation).toEqual([]);
    const { saturation } = probes[2]!;
    expect(saturation!.map(({ layer, earlierStep }) => [layer, earlierStep])).toEqual([
      [0, [3, 7]],
      [1, [3, 7]],
    ]);
    const churn = named(probes[2]!, "router/churn/");
    for (const { layer, share } of saturation!) expect(share![1]).toBeCloseTo(1 - churn[layer!]!, 10);
  });
});

test("a strategy in which scores alone choose has no share that a bias changed", async () => {
  const { probes } = await probed(tinyRecipe({ strategy: "none", steps, settings: ["probe.every=4"] }));
  expect(named(probes[2]!, "router/bias_changed/")).toEqual({});
});

test.each([
  ["loss-free-bias", "balancing.speed=0"],
  ["loss-free-bias", "balancing.speed=0", "balancing.update=multiplicative"],
  ["deepseek-v3", "balancing.speed=0"],
])("a bias of %s that never moves has changed no choice, groups or not: %s", async (strategy, ...settings) => {
  for (const groups of [[], ["model.groups=4", "model.groupsKept=2", "model.experts=8"]]) {
    const { probes } = await probed(
      tinyRecipe({ strategy, steps: 4, settings: ["probe.every=4", ...settings, ...groups] }),
    );
    expect(named(probes[0]!, "router/bias_changed/")).toEqual({ 0: 0, 1: 0 });
  }
});

test.each(["hash", "sinkhorn", "auxiliary-loss"])(
  "%s has no bias, and so no share that one changed",
  async (strategy) => {
    const settings = [
      "probe.every=4",
      ...(strategy === "auxiliary-loss" ? ["model.groups=4", "model.groupsKept=2", "model.experts=8"] : []),
    ];
    const { probes } = await probed(tinyRecipe({ strategy, steps: 4, settings }));
    expect(named(probes[0]!, "router/bias_changed/")).toEqual({});
  },
);

test("the first layer that has experts is the first whose choices are compared", async () => {
  const { probes } = await probed(recipe("model.denseLayers=1"));
  expect(Object.keys(named(probes[1]!, "router/churn/"))).toEqual(["1"]);
  expect(new Set(probes[1]!.attention!.map(({ layer }) => layer))).toEqual(new Set([0, 1]));
});

test("what is probed is the same for every seed", async () => {
  const histogramOf = async (seed: number) => {
    const seeded = tinyRecipe({ seed, steps, strategy: "hash", settings: ["probe.every=4", "model.gate=softmax"] });
    const { probes } = await probed(seeded);
    return named(probes[0]!, "attention/uniform/");
  };
  expect(await histogramOf(1)).toEqual(await histogramOf(2));
});

test("a probe leaves no tensor behind", async () => {
  const corpus = await corpusOf(recipe());
  const trainer = new TrainStep(recipe(), 1);
  const before = tf.memory().numTensors;
  const probe = new Probe(recipe(), corpus);
  probe.measure(trainer, 3);
  expect(tf.memory().numTensors).toBe(before);
  trainer.dispose();
});

test.runIf(native !== "cpu").each(["wasm", "cpu"].filter((name) => name !== native))(
  "on %s it finds what it finds on the fastest backend",
  async (backend) => {
    const find = async () => {
      const trainer = new TrainStep(recipe(), 1);
      const found = new Probe(recipe(), await corpusOf(recipe())).measure(trainer, 3);
      trainer.dispose();
      return found;
    };
    const here = await find();
    await openBackend(backend);
    const there = await find();
    await tf.setBackend(native);
    const close = (value: number) => expect.closeTo(value, 3);
    expect(there.attention).toEqual(here.attention.map((row) => ({ ...row, share: row.share!.map(close) })));
    const scores = ["previousToken", "firstToken", "induction", "local", "broad"] as const;
    for (const [index, profile] of there.heads.entries()) {
      for (const name of scores) expect(profile[name]).toBeCloseTo(here.heads[index]![name]!, 3);
    }
  },
);

test("a probe restored from its state goes on as if there had been no break", async () => {
  const corpus = await corpusOf(recipe());
  const trainer = new TrainStep(recipe(), 1);
  const straight = new Probe(recipe(), corpus);
  const found = [];
  let kept: ReturnType<Probe["state"]> = [];
  for (let step = 0; step < steps; step++) {
    trainer.run(corpus.batchAt(step), step);
    if (straight.isDue(step)) found.push(straight.measure(trainer, step));
    if (step === 8) kept = straight.state();
  }
  const resumed = new Probe(recipe(), corpus);
  resumed.restore(kept.map((array) => ({ ...array, values: array.values.slice() })).reverse());
  expect(resumed.measure(trainer, 11)).toEqual(found[2]);
  trainer.dispose();
});

test("a user's token class comes first, and is measured", async () => {
  const tokenClasses = [{ name: "digit", pattern: "^[0-9]$" }, ...defaultTokenClasses];
  const own = recipe();
  own.probe.tokenClasses = tokenClasses;
  const { probes } = await probed(own);
  expect(probes[0]!.attention![0]!.tokenClass).toEqual(["digit", "#", "*", "whitespace", "other"]);
  expect(probes[0]!.attention![0]!.share![0]).toBeGreaterThan(0.05);
});
