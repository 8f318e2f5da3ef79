import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { strategies } from "../balancing/index.ts";
import { openCorpus } from "../data/corpus.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { tinyRecipe } from "../training/tiny-run.fixture.ts";
import { type Trained, TrainStep } from "../training/train-step.ts";
import { snapshotOf, temporaryFolder } from "./checkpoint.fixture.ts";
import type { NamedArray } from "./named-array.ts";
import { readCheckpoint } from "./read-checkpoint.ts";
import { writeCheckpoint } from "./write-checkpoint.ts";

const { name: native } = await openBackend();
const steps = 40;

/** Trains straight, and with a stop half-way; what comes after is the same, bit for bit. */
async function expectExact(recipe: Recipe): Promise<void> {
  const half = recipe.steps / 2;
  const straight = await trainSteps(recipe, 0, recipe.steps);
  const first = await trainSteps(recipe, 0, half);
  const path = writeCheckpoint(temporaryFolder(), { ...snapshotOf(half), state: first.reached });
  const second = await trainSteps(recipe, half, recipe.steps, readCheckpoint(path).state);
  expect([...first.trained, ...second.trained]).toEqual(straight.trained);
  expect(second.reached).toEqual(straight.reached);
}

/** Trains from one step up to another. */
async function trainSteps(recipe: Recipe, from: number, to: number, state?: readonly NamedArray[]) {
  const corpus = await openCorpus({ ...recipe.data, seed: recipe.seed, sources: [{ category: "maths" }] });
  const trainer = new TrainStep(recipe, 1);
  if (state) trainer.restore(state);
  const trained: Trained[] = [];
  for (let step = from; step < to; step++) trained.push(trainer.run(corpus.batchAt(step), step));
  const reached = trainer.state();
  trainer.dispose();
  return { trained, reached };
}

describe.each(native === "wasm" ? ["wasm", "cpu"] : [native, "wasm"])("on %s", (backend) => {
  beforeAll(() => openBackend(backend));
  afterAll(() => tf.setBackend(native));

  test.each(["loss-free-bias", "auxiliary-loss+z-loss", "none"])(
    "%s goes on from a file bit for bit",
    async (strategy) => {
      await expectExact(tinyRecipe({ strategy, steps, settings: ["model.capacityFactor=1.25"] }));
    },
  );
});

test.each([...Object.keys(strategies), "hash@0/quantile-histogram@1-"])(
  "%s keeps all that it learns",
  async (strategy) => {
    await expectExact(tinyRecipe({ strategy, steps: 8 }));
  },
);

describe("a trainer", () => {
  const recipe = (...settings: string[]) => tinyRecipe({ strategy: "loss-free-bias", steps, settings });
  const stateAfterSomeSteps = async () => (await trainSteps(recipe(), 0, 3)).reached;

  test("refuses a checkpoint of another shape by name", async () => {
    const state = await stateAfterSomeSteps();
    const wider = new TrainStep(recipe("model.expertWidth=16", "model.denseLayers=1"), 1);
    expect(() => wider.restore(state)).toThrow(
      /parameter\/block0\.dense\.in is missing; .*; .*experts\.in has shape \[8,32,64\], the model \[8,32,32\]; and \d+ more/,
    );
    wider.dispose();
  });

  test("starts from the parameters and the bias of another run, with a fresh optimizer", async () => {
    const parent = await stateAfterSomeSteps();
    const child = new TrainStep(recipe("optimizer.learningRate=0.1"), 1);
    child.restoreParameters(parent);
    const byName = (state: NamedArray[]) => new Map(state.map(({ name, values }) => [name, values]));
    const [before, after] = [byName(parent), byName(child.state())];
    for (const [name, values] of after) {
      if (name.startsWith("parameter/") || name.startsWith("strategy/")) expect(values).toEqual(before.get(name));
      else expect(values.every((value) => value === 0)).toBe(true);
    }
    child.dispose();
  });

  test("takes nothing over from a strategy that this run does not have", async () => {
    const child = new TrainStep(tinyRecipe({ strategy: "none", steps }), 1);
    child.restoreParameters(await stateAfterSomeSteps());
    expect(child.state().some(({ name }) => name.startsWith("strategy/"))).toBe(false);
    child.dispose();
  });

  test("leaves no tensor behind when it is restored", async () => {
    const state = await stateAfterSomeSteps();
    const before = tf.memory().numTensors;
    const trainer = new TrainStep(recipe(), 1);
    trainer.restore(state);
    trainer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
