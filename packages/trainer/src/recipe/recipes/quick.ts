// `moescope demo --quick`: the demo's model in a fifth of its steps.
import type { NamedRecipe } from "../recipe.ts";
import { demo } from "./demo.ts";

export const quick: NamedRecipe = {
  ...demo,
  summary: "the demo's model for 160 steps",
  steps: 160,
  data: { ...demo.data, validationBatches: 4 },
  optimizer: { ...demo.optimizer, warmupSteps: 20 },
  evaluation: { every: 0 },
  probe: { ...demo.probe, every: 80 },
};
