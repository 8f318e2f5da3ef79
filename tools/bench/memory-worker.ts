// Trains 1,000 steps of the demo recipe and prints what memory it held on the way, as one JSON line.
import { openBackend, openCorpus, resolveRecipe, TrainStep, tf } from "@moescope/trainer";

export interface MemoryResult {
  samples: { step: number; tensors: number; residentMiB: number }[];
}

await openBackend();
const recipe = resolveRecipe({ recipe: "demo", strategy: "loss-free-bias", steps: 1000 });
const corpus = await openCorpus({ ...recipe.data, seed: 0 });
const trainer = new TrainStep(recipe, corpus.categories.length);
const samples: MemoryResult["samples"] = [];
for (let step = 1; step <= recipe.steps; step++) {
  trainer.run(corpus.batchAt(step), step);
  if ([10, 100, 1000].includes(step)) {
    samples.push({ step, tensors: tf.memory().numTensors, residentMiB: process.memoryUsage.rss() / 2 ** 20 });
  }
}
console.log(JSON.stringify({ samples } satisfies MemoryResult));
