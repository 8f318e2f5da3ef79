// The auxiliary loss of GShard and Switch Transformer: over the global batch, over micro-batches, or over each sequence.
import { chooseTopK, hotChoices } from "../moe/route-plan.ts";
import { offTape } from "../ops/off-tape.ts";
import { type Scalar, tf } from "../runtime/tf.ts";
import { loadProduct } from "./load-product.ts";
import {
  type BalancedRun,
  type LayerRouting,
  requireNotNegative,
  requireOneOf,
  type StrategyDefinition,
} from "./strategy.ts";

const scopes = ["global", "micro", "sequence"];
/** Whose tokens f counts: those of all K choices, or of first choices alone. */
const counted = ["all", "first"];

/**
 * α · E · Σ_e f_e P_e for each layer, layers added up (arXiv 2101.03961 eq. 4, normalised by K as in arXiv 2401.06066): α when
 * balanced. `scope` says over which tokens f and P are taken: the global batch (2501.11873), `microBatches` equal stretches of it, or
 * every sequence on its own (2405.04434); the mean of the stretches is taken. f counts what the scores alone would choose, so that a
 * selection bias beside it is left out (2412.19437 eq. 18). `f` "first" counts a token for its best expert alone, as GShard does
 * (2006.16668 algorithm 1, times E² here, so that α is the balanced value of both).
 */
export const auxiliaryLoss: StrategyDefinition<{
  coefficient: number;
  scope: string;
  microBatches: number;
  f: string;
}> = {
  summary: "auxiliary loss (Switch/GShard) over the global batch, micro-batches or sequences",
  kind: "balance-loss",
  scaled: true,
  defaults: { coefficient: 0.01, scope: "global", microBatches: 4, f: "all" },
  create({ coefficient, scope, microBatches, f }, run) {
    requireNotNegative("coefficient", coefficient);
    requireOneOf("scope", scope, scopes);
    requireOneOf("f", f, counted);
    const groups = groupsOf(scope, microBatches, run);
    const loss = f === "first" ? firstChoiceLoss : balanceLoss;
    return { layerLoss: (routing) => tf.mul(loss(routing, groups), coefficient) };
  },
};

function groupsOf(scope: string, microBatches: number, { sequences }: BalancedRun): number {
  if (scope !== "micro") return scope === "global" ? 1 : sequences;
  if (Number.isSafeInteger(microBatches) && microBatches > 0 && sequences % microBatches === 0) return microBatches;
  throw new RangeError(
    `balancing.microBatches is ${microBatches}; allowed are whole numbers that divide data.batch = ${sequences}`,
  );
}

/** @param groups equal stretches of the batch, of which the mean is taken */
export function balanceLoss({ probabilities_TE, preferred_TE, topK }: LayerRouting, groups = 1): Scalar {
  return loadProduct(preferred_TE(), probabilities_TE, topK, groups);
}

/** The same with first choices alone in f. */
export function firstChoiceLoss(
  { probabilities_TE, scores_TE }: Pick<LayerRouting, "probabilities_TE" | "scores_TE">,
  groups = 1,
): Scalar {
  const first_TE = offTape(() => hotChoices(chooseTopK(scores_TE, 1), scores_TE.shape[1]));
  return loadProduct(first_TE, probabilities_TE, 1, groups);
}
