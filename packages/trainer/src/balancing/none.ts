// No balancing: what every other strategy is compared with.
import type { StrategyDefinition } from "./strategy.ts";

export const none: StrategyDefinition<Record<string, never>> = {
  summary: "no balancing",
  kind: "baseline",
  defaults: {},
  create: () => ({}),
};
