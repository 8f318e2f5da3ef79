// What `moescope compare` trains by default: many runs in the time of one, with the trends that papers report still visible.
import type { NamedRecipe } from "../recipe.ts";
import { demo } from "./demo.ts";

export const trends: NamedRecipe = {
  ...demo,
  summary: "4 MoE layers, 16 experts top-2, 400 steps, for comparing strategies over seeds",
  steps: 400,
  model: { ...demo.model, width: 96, expertWidth: 96 },
  // A batch holds eight sequences of each built-in category: ordered by category, six micro-batches are of one category each.
  data: { ...demo.data, batch: 24, sequence: 96, validationBatches: 24 },
  optimizer: { ...demo.optimizer, warmupSteps: 20 },
  evaluation: { every: 0 },
  probe: { ...demo.probe, every: 0 },
  strategySettings: { ...demo.strategySettings, "auxiliary-loss": { microBatches: 6 } },
};
