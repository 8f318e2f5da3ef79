// A very small model on generated mathematics, for tests: the same steps as `train`, without a reporter.
import { maxViolation } from "@moescope/metrics";
import { openCorpus } from "./data/corpus.ts";
import { loadsOf } from "./moe/routing-counts.ts";
import type { Recipe } from "./recipe.ts";
import { resolveRecipe } from "./resolve-recipe.ts";
import { tf } from "./runtime/tf.ts";
import { type Trained, TrainStep } from "./train-step.ts";

export interface TinyRun {
  recipe: Recipe;
  steps: Trained[];
  /** tf.memory().numTensors after every step. */
  tensors: number[];
  /** MaxVio (batch), mean over layers and over the last quarter of the steps. */
  lateMaxViolation: number;
}

const TINY = [
  "model.layers=2",
  "model.width=32",
  "model.heads=2",
  "model.experts=8",
  "model.expertWidth=32",
  "data.batch=8",
  "data.sequence=32",
  "data.validationBatches=1",
  "optimizer.warmupSteps=5",
  "probe.every=0",
];

export interface TinyChoice {
  strategy?: string;
  steps: number;
  seed?: number;
  settings?: string[];
  /** The built-in categories instead of mathematics alone. */
  realText?: boolean;
}

export function tinyRecipe({ strategy = "none", steps, seed = 7, settings = [] }: TinyChoice): Recipe {
  return resolveRecipe({ recipe: "demo", strategy, steps, seed, settings: [...TINY, ...settings] });
}

export async function trainBriefly({ steps, realText, ...choice }: TinyChoice): Promise<TinyRun> {
  const recipe = tinyRecipe({ steps, ...choice });
  const sources = realText ? undefined : [{ category: "maths" }];
  const corpus = await openCorpus({ ...recipe.data, seed: recipe.seed, sources });
  const trainer = new TrainStep(recipe, corpus.categories.length);
  const run: TinyRun = { recipe, steps: [], tensors: [], lateMaxViolation: 0 };
  for (let step = 0; step < steps; step++) {
    run.steps.push(trainer.run(corpus.batchAt(step), step));
    run.tensors.push(tf.memory().numTensors);
  }
  trainer.dispose();
  const late = run.steps.slice(-Math.ceil(steps / 4)).flatMap(({ histograms }) => histograms);
  run.lateMaxViolation = late.reduce((sum, histogram) => sum + maxViolation(loadsOf(histogram)), 0) / late.length;
  return run;
}
