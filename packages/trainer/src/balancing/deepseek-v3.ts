// The balancing of DeepSeek-V3: a bias on the choice, a small sequence-wise loss, experts in groups, a shared expert, sigmoid gates.
import { auxiliaryLoss } from "./auxiliary-loss.ts";
import { lossFreeBias } from "./loss-free-bias.ts";
import type { StrategyDefinition } from "./strategy.ts";

/**
 * arXiv 2412.19437 §2.1.2: bias speed 0.001, sequence-wise coefficient 0.0001; a token chooses among the experts of a few groups
 * (nodes). The released model keeps 4 of 8 groups and scales gate weights by 2.5; here 2 of 4 and the scale of 1 fit small models.
 */
export const deepseekV3: StrategyDefinition<{ speed: number; until: number; coefficient: number }> = {
  summary: "bias + sequence-wise loss + groups + shared expert (DeepSeek-V3)",
  kind: "choice",
  balancedBecause: "deepseek-v3 has a sequence-wise loss of its own",
  scaled: true,
  defaults: { speed: 0.001, until: 1, coefficient: 0.0001 },
  model: { gate: "sigmoid", normaliseGates: true, groups: 4, groupsKept: 2, sharedExperts: 1 },
  create({ speed, until, coefficient }, run) {
    return {
      ...lossFreeBias.create({ speed, until, update: "sign" }, run),
      ...auxiliaryLoss.create({ ...auxiliaryLoss.defaults, coefficient, scope: "sequence" }, run),
    };
  },
};
