// The model of `moescope demo`: small enough for a laptop, large enough that its experts specialise by domain.
import { defaultTokenClasses } from "../../probe/token-classes.ts";
import type { NamedRecipe } from "../recipe.ts";

export const demo: NamedRecipe = {
  summary: "4 MoE layers, 16 experts top-2, 800 steps",
  steps: 800,
  model: {
    vocabulary: 256,
    patchSize: 0,
    layers: 4,
    denseLayers: 0,
    width: 128,
    heads: 4,
    experts: 16,
    identityExperts: 0,
    topK: 2,
    expertWidth: 128,
    sharedExperts: 0,
    gate: "sigmoid",
    normaliseGates: true,
    gateScale: 1,
    groups: 1,
    groupsKept: 1,
    capacityFactor: 0,
    dropPolicy: "position",
  },
  data: { batch: 16, sequence: 128, validationBatches: 12, order: "shuffled", end: "auto" },
  optimizer: {
    learningRate: 3e-3,
    finalShare: 0.1,
    warmupSteps: 40,
    beta1: 0.9,
    beta2: 0.95,
    epsilon: 1e-8,
    weightDecay: 0.1,
    clipNorm: 1,
  },
  evaluation: { every: 200 },
  probe: { every: 200, tokenClasses: [...defaultTokenClasses] },
  // A bias travels at most speed × steps: short runs need more than the 0.001 of the papers.
  strategySettings: {
    "loss-free-bias": { speed: 0.01 },
    "deepseek-v3": { speed: 0.01 },
    smebu: { speed: 0.005 },
  },
};
