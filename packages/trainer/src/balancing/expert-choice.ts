// Expert choice: experts choose tokens, each the same number.
//
// T tokens, E experts, K choices for each token in the mean, C = K·T/E tokens of each expert.
import { topK as highest } from "../ops/top-values.ts";
import { type Tensor2D, tf } from "../runtime/tf.ts";
import { requireEvenShares, type StrategyDefinition } from "./strategy.ts";
import { padChoices } from "./varying-choices.ts";

/**
 * Every expert takes the C tokens of the batch that score it highest (arXiv 2202.09368 eq. 1); a token may get any number of experts.
 * A choice that looks at other tokens of the batch, later ones included, is no use to a causal model, so in evaluation every token
 * takes its K best experts.
 */
export const expertChoice: StrategyDefinition<Record<string, never>> = {
  summary: "experts choose tokens (expert choice); evaluated causally, by top-k",
  kind: "choice",
  balancedBecause: "expert choice gives every expert the same number of tokens",
  expertsChoose: true,
  defaults: {},
  model: { gate: "softmax", normaliseGates: false },
  create(_, run) {
    const { capacityFactor, groups, identityExperts } = run;
    requireEvenShares("expert-choice", run);
    if (capacityFactor > 0) {
      throw new RangeError(
        `model.capacityFactor is ${capacityFactor}; with expert-choice nothing is ever above capacity: set it to 0`,
      );
    }
    if (groups > 1)
      throw new RangeError(`model.groups is ${groups}; with expert-choice no token chooses a group: set it to 1`);
    if (identityExperts > 0) {
      throw new RangeError(
        `model.identityExperts is ${identityExperts}; expert-choice would fill them like all others: set it to 0`,
      );
    }
    return {
      choose: ({ scores_TE, topK, context }) => (context.training ? expertsChoose(scores_TE, topK) : undefined),
    };
  },
};

/** @returns int32 [T, K'] with K' the most experts that a token got, at least 1; −1 where a token has fewer. Reads back once. */
export function expertsChoose(scores_TE: Tensor2D, topK: number): Tensor2D {
  const [tokens, experts] = scores_TE.shape;
  const each = (tokens * topK) / experts;
  const tokenOf_EC = highest(tf.transpose(scores_TE), each).indices.dataSync<"int32">();
  const expertsOf: number[][] = Array.from({ length: tokens }, () => []);
  tokenOf_EC.forEach((token, at) => {
    expertsOf[token]!.push(Math.floor(at / each));
  });
  return padChoices(expertsOf);
}
