// Names of the balancing strategies, and the file of each.
import { auxiliaryLoss } from "./auxiliary-loss.ts";
import { lossFreeBias } from "./loss-free-bias.ts";
import { none } from "./none.ts";
import type { StrategyDefinition } from "./strategy.ts";
import { zLossStrategy } from "./z-loss.ts";

// biome-ignore lint/suspicious/noExplicitAny: each definition has its own options; resolve-recipe.ts checks them against its defaults
export const strategies: Record<string, StrategyDefinition<any>> = {
  none,
  "auxiliary-loss": auxiliaryLoss,
  "z-loss": zLossStrategy,
  "loss-free-bias": lossFreeBias,
};
