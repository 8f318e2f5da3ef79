// The model that train steps are timed with, against the same one in PyTorch (`npm run bench`).
import type { NamedRecipe } from "../recipe.ts";
import { demo } from "./demo.ts";

export const reference: NamedRecipe = {
  ...demo,
  summary: "6 MoE layers, 20.6 M parameters: what the benches time",
  model: { ...demo.model, layers: 6, width: 256, expertWidth: 256 },
  optimizer: { ...demo.optimizer, learningRate: 1e-3 },
  probe: { ...demo.probe, every: 0 },
};
