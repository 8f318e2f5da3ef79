// Runs and steps to send in tests: random, valid, and the same for the same seed.
import { v1 } from "@moescope/proto";

/** Numbers in 0..1 that depend on the seed alone (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export function describedRun(id: string, changes: Partial<v1.RunDescription> = {}): v1.RunDescription {
  return v1.RunDescription.create({
    id,
    name: `${id} by name`,
    configJson: '{"experts":4}',
    recipe: "tiny",
    strategy: "loss-free-bias",
    seed: 1,
    moeLayers: [1, 3],
    experts: 4,
    topK: 2,
    categories: ["code", "docs"],
    ranks: 1,
    startedAt: 1_700_000_000_000,
    plannedSteps: 100,
    tokensPerStep: 64,
    ...changes,
  });
}

/** A step whose histograms hold for every layer and category: Σ counts + dropped = top_k × tokens. */
export function randomStep(run: v1.RunDescription, changes: Partial<v1.Step> & { sequence: number }): v1.Step {
  const step = changes.step ?? changes.sequence - 1;
  const next = random(step * 7919 + (changes.rank ?? 0) * 104729 + (changes.attempt ?? 0) * 15485863 + 1);
  return v1.Step.create({
    run: run.id,
    rank: 0,
    attempt: 0,
    step,
    tokens: (step + 1) * 64,
    time: 1_700_000_000_000 + step * 250,
    split: v1.Split.TRAIN,
    scalars: [
      { name: "loss", value: 5 - next() },
      { name: "tokens_per_second", value: 1000 * next() },
    ],
    histograms: run.moeLayers.map((layer) => randomHistogram(run, layer, next)),
    ...changes,
  });
}

function randomHistogram(run: v1.RunDescription, layer: number, next: () => number): v1.RoutingHistogram.$Properties {
  const categories = run.categories.map((_, category) => {
    const counts = Array.from({ length: run.experts }, () => Math.floor(next() * 50));
    const sum = counts.reduce((a, b) => a + b, 0);
    const tokens = Math.ceil(sum / run.topK);
    const gateMass = counts.map(() => Math.fround(next()));
    const meanProbability = counts.map(() => Math.fround(next()));
    return { category, counts, tokens, dropped: tokens * run.topK - sum, gateMass, meanProbability };
  });
  return { layer, categories, selectionBias: biases(run.experts, next) };
}

function biases(experts: number, next: () => number): number[] {
  return Array.from({ length: experts }, () => Math.fround(next() - 0.5));
}
