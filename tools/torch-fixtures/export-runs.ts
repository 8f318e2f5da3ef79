// Writes the runs that PyTorch repeats, with their start values and batches, as JSON. Usage: export-runs.js FILE
import { writeFileSync } from "node:fs";
import { openBackend, openCorpus, type RecipeChoice, resolveRecipe, TrainStep } from "@moescope/trainer";

const STEPS = 50;

/** All that a fixture depends on, so that the defaults of recipes may change. */
const tiny = [
  ["model.layers", 2],
  ["model.width", 32],
  ["model.heads", 2],
  ["model.experts", 8],
  ["model.topK", 2],
  ["model.expertWidth", 32],
  ["data.batch", 8],
  ["data.sequence", 32],
  ["optimizer.learningRate", 3e-3],
  ["optimizer.finalShare", 0.1],
  ["optimizer.warmupSteps", 5],
  ["optimizer.beta1", 0.9],
  ["optimizer.beta2", 0.95],
  ["optimizer.epsilon", 1e-8],
  ["optimizer.weightDecay", 0.1],
  ["optimizer.clipNorm", 1],
].map(([path, value]) => `${path}=${value}`);

const sigmoid = ["model.gate=sigmoid", "model.normaliseGates=true"];

/** Strategy, seed (of a few, one whose first near tie comes late), and what is set beside `tiny`. */
const runs: Record<string, [strategy: string, seed: number, ...settings: string[]]> = {
  "loss-free bias": ["loss-free-bias", 7, ...sigmoid, "balancing.speed=0.01"],
  "auxiliary loss": ["auxiliary-loss", 7, ...sigmoid, "balancing.coefficient=0.01"],
  "softmax gates as they are, auxiliary loss and z-loss": [
    "auxiliary-loss+z-loss",
    3,
    "model.gate=softmax",
    "model.normaliseGates=false",
    "balancing.coefficient=0.01",
    "balancing.zCoefficient=0.001",
  ],
  "DeepSeek-V3 with a dense first layer": [
    "deepseek-v3",
    7,
    ...sigmoid,
    "model.layers=3",
    "model.denseLayers=1",
    "model.sharedExperts=1",
    "model.groups=4",
    "model.groupsKept=2",
    "model.gateScale=2.5",
    "balancing.speed=0.01",
    "balancing.coefficient=0.01",
  ],
};

await openBackend();
const exported = Object.entries(runs).map(([name, [strategy, seed, ...settings]]) => {
  const choice: RecipeChoice = { recipe: "demo", strategy, seed, steps: STEPS, settings: [...tiny, ...settings] };
  const recipe = resolveRecipe(choice);
  return { name, choice, recipe, parameters: startParameters(new TrainStep(recipe, 1)) };
});
const { data, seed } = exported[0]!.recipe;
const corpus = await openCorpus({ ...data, seed, sources: [{ category: "maths" }] });
const batches = Array.from({ length: STEPS }, (_, step) => Array.from(corpus.batchAt(step).tokens));
writeFileSync(process.argv[2]!, JSON.stringify({ batches, runs: exported }));

function startParameters(trainer: TrainStep) {
  const start = trainer.state().filter(({ name }) => name.startsWith("parameter/"));
  trainer.dispose();
  return start.map(({ name, shape, values }) => {
    return { name: name.slice("parameter/".length), shape, values: Array.from(values) };
  });
}
