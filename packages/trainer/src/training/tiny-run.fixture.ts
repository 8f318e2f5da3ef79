// A very small model on generated mathematics, for tests: the same steps as `train`, without a reporter.
import { maxViolation } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import { openCorpus } from "../data/corpus.ts";
import type { DataSource } from "../data/data-source.ts";
import { workingLoadsOf } from "../moe/routing-counts.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { resolveRecipe } from "../recipe/resolve-recipe.ts";
import { configurationOf, fitToData } from "../recipe/run-configuration.ts";
import { describeLayers } from "../recipe/run-description.ts";
import { tf } from "../runtime/tf.ts";
import { type Evaluation, evaluate } from "./evaluation.ts";
import { type Trained, TrainStep } from "./train-step.ts";

export interface TinyRun {
  recipe: Recipe;
  /** As the run would be described. */
  layers: v1.MoeLayer[];
  steps: Trained[];
  /** After the last step. */
  evaluation: Evaluation;
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
  /** Mathematics alone when absent. */
  sources?: DataSource[];
}

/** Code, documentation and mathematics. */
export const REAL_TEXT: DataSource[] = ["code", "docs", "maths"].map((category) => ({ category }));
/** Patches of images, their captions, and mathematics: three categories of two modalities. */
export const TWO_MODALITIES: DataSource[] = [{ category: "shapes" }, { category: "maths", weight: 2 }];
/** With it, each of the three has a number of tokens of its own in a batch. */
export const UNEQUAL = "data.sequence=40";

export function tinyRecipe({ strategy = "none", steps, seed = 7, settings = [] }: TinyChoice): Recipe {
  return resolveRecipe({ recipe: "demo", strategy, steps, seed, settings: [...TINY, ...settings] });
}

export async function trainBriefly({
  steps,
  sources = [{ category: "maths" }],
  ...choice
}: TinyChoice): Promise<TinyRun> {
  const recipe = tinyRecipe({ steps, ...choice });
  const corpus = await openCorpus({ ...recipe.data, seed: recipe.seed, sources });
  const trainer = new TrainStep(fitToData(configurationOf(recipe, { sources }), corpus), corpus.categories.length);
  const trained: Trained[] = [];
  const tensors: number[] = [];
  for (let step = 0; step < steps; step++) {
    trained.push(trainer.run(corpus.batchAt(step), step));
    tensors.push(tf.memory().numTensors);
  }
  const evaluation = evaluate(trainer, corpus);
  trainer.dispose();
  const late = trained.slice(-Math.ceil(steps / 4)).flatMap(({ histograms }) => histograms);
  const violations = late.map((histogram) => maxViolation(workingLoadsOf(histogram, recipe.model)));
  const lateMaxViolation = violations.reduce((sum, violation) => sum + violation, 0) / late.length;
  return { recipe, layers: describeLayers(recipe), steps: trained, evaluation, tensors, lateMaxViolation };
}
