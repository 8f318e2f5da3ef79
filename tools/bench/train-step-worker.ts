// Times train steps of the reference recipe in this process; prints one JSON line. Usage: train-step-worker.js STEPS
import { openBackend, openCorpus, type Recipe, resolveRecipe, TrainStep, tf } from "@moescope/trainer";
import { median } from "./table.ts";

export interface TrainStepResult {
  device: string;
  msPerStep: number;
  tokensPerStep: number;
  /** Floating-point operations of the matrix products that a step needs: forward once, backward twice. */
  flopPerStep: number;
  /** f32 matrix product of this machine in the same process, best of several. */
  matmulGflops: number;
}

const WARMUP = 3;

const { device } = await openBackend();
const recipe = resolveRecipe({ recipe: "reference", strategy: "loss-free-bias" });
const corpus = await openCorpus({ ...recipe.data, seed: 0 });
const trainer = new TrainStep(recipe, corpus.categories.length);
const times: number[] = [];
const peaks: number[] = [];
for (let step = 0; step < WARMUP + Number(process.argv[2]); step++) {
  const batch = corpus.batchAt(step);
  const started = performance.now();
  trainer.run(batch, step);
  times.push(performance.now() - started);
  peaks.push(matmulGflops());
}
const result: TrainStepResult = {
  device,
  msPerStep: median(times.slice(WARMUP)),
  tokensPerStep: recipe.data.batch * recipe.data.sequence,
  flopPerStep: flopPerStep(recipe),
  matmulGflops: Math.max(...peaks.slice(WARMUP)),
};
console.log(JSON.stringify(result));

function flopPerStep({ model, data }: Recipe): number {
  const { width, layers, topK, expertWidth, experts, vocabulary } = model;
  const attention = 2 * width * 4 * width + 2 * 2 * width * (data.sequence / 2);
  const feedForward = 2 * 3 * topK * width * expertWidth + 2 * width * experts;
  const forward = layers * (attention + feedForward) + 2 * width * vocabulary;
  return 3 * forward * data.batch * data.sequence;
}

function matmulGflops(size = 1024): number {
  return tf.tidy(() => {
    const a = tf.ones([size, size]);
    const started = performance.now();
    tf.matMul(a, a);
    return (2 * size ** 3) / (performance.now() - started) / 1e6;
  });
}
