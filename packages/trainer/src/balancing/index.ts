// Names of the balancing strategies, and the file of each.
import { auxiliaryLoss } from "./auxiliary-loss.ts";
import { lossFreeBias } from "./loss-free-bias.ts";
import { none } from "./none.ts";
import type { StrategyDefinition } from "./strategy.ts";

// biome-ignore lint/suspicious/noExplicitAny: each definition has its own options; recipe.ts checks them against its defaults
export const strategies: Record<string, StrategyDefinition<any>> = {
  none,
  "auxiliary-loss": auxiliaryLoss,
  "loss-free-bias": lossFreeBias,
};
