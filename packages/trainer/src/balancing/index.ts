// Names of the balancing strategies, and the file of each.
import { auxiliaryLoss } from "./auxiliary-loss.ts";
import { bip } from "./bip.ts";
import { deepseekV3 } from "./deepseek-v3.ts";
import { erc } from "./erc.ts";
import { ernie } from "./ernie.ts";
import { expertChoice } from "./expert-choice.ts";
import { expertThreshold } from "./expert-threshold.ts";
import { hash } from "./hash.ts";
import { longcat } from "./longcat.ts";
import { lossFreeBias } from "./loss-free-bias.ts";
import { noisyTopK } from "./noisy-top-k.ts";
import { none } from "./none.ts";
import { phiBalancing } from "./phi-balancing.ts";
import { quantile } from "./quantile.ts";
import { quantileHistogram } from "./quantile-histogram.ts";
import { seqTopK } from "./seq-top-k.ts";
import { simbal } from "./simbal.ts";
import { sinkhornStrategy } from "./sinkhorn.ts";
import { smebu } from "./smebu.ts";
import type { StrategyDefinition } from "./strategy.ts";
import { zLoss } from "./z-loss.ts";

// biome-ignore lint/suspicious/noExplicitAny: each definition has its own options; resolve-recipe.ts checks them against its defaults
export const strategies: Record<string, StrategyDefinition<any>> = {
  none,
  "auxiliary-loss": auxiliaryLoss,
  "loss-free-bias": lossFreeBias,
  "deepseek-v3": deepseekV3,
  "z-loss": zLoss,
  "noisy-top-k": noisyTopK,
  "expert-choice": expertChoice,
  "expert-threshold": expertThreshold,
  "seq-top-k": seqTopK,
  sinkhorn: sinkhornStrategy,
  hash,
  quantile,
  "quantile-histogram": quantileHistogram,
  bip,
  smebu,
  longcat,
  simbal,
  ernie,
  "phi-balancing": phiBalancing,
  erc,
};
