// For machines without native TensorFlow: the demo's model cut down until WebAssembly trains it in a minute or two.
import type { NamedRecipe } from "../recipe.ts";
import { demo } from "./demo.ts";

export const light: NamedRecipe = {
  ...demo,
  summary: "2 MoE layers, 8 experts top-2, for backends that are slow",
  steps: 300,
  model: { ...demo.model, layers: 2, width: 64, heads: 2, experts: 8, expertWidth: 64 },
  data: { ...demo.data, batch: 8, sequence: 64, validationBatches: 8 },
  optimizer: { ...demo.optimizer, warmupSteps: 20 },
  evaluation: { every: 0 },
};
