// SeqTopK: a sequence has T·K experts to give, and gives them to the tokens that score highest.
//
// T tokens = B sequences × S positions, E experts, K choices for each token in the mean.
import { topK as highest, topValues } from "../ops/top-values.ts";
import { type Tensor2D, tf } from "../runtime/tf.ts";
import type { StrategyDefinition } from "./strategy.ts";
import { padChoices } from "./varying-choices.ts";

/**
 * Of all S·E pairs of token and expert of a sequence, the S·K with the highest scores are chosen (arXiv 2511.06494); a token has 0 to
 * `most` experts, E where that is 0 (the bound of Megatron-LM 6208). Which they are depends on later tokens, so in evaluation every token
 * takes its K best. It balances nothing by itself: combine it with a loss, whose f counts the K best experts of each token.
 */
export const seqTopK: StrategyDefinition<{ most: number }> = {
  summary: "the T·K best pairs of a sequence (SeqTopK); experts a token vary; evaluated causally, by top-k",
  kind: "choice",
  topKVaries: true,
  defaults: { most: 0 },
  create({ most }, { sequences, topK, experts, groups }) {
    if (!(Number.isSafeInteger(most) && (most === 0 || (most >= topK && most <= experts)))) {
      throw new RangeError(
        `balancing.most is ${most}; allowed are 0, for no limit, and whole numbers from model.topK = ${topK} to model.experts = ${experts}`,
      );
    }
    if (groups > 1)
      throw new RangeError(`model.groups is ${groups}; SeqTopK is over all experts of a sequence: set it to 1`);
    return {
      choose: ({ scores_TE, topK, context }) =>
        context.training ? bestPairs(scores_TE, topK, sequences, most || experts) : undefined,
    };
  },
};

/** @returns int32 [T, K'], best first; −1 where a token has fewer. Reads back once. */
export function bestPairs(scores_TE: Tensor2D, topK: number, sequences: number, most: number): Tensor2D {
  const [tokens, experts] = scores_TE.shape;
  const positions = tokens / sequences;
  const open_TE = most < experts ? onlyBest(scores_TE, most) : scores_TE;
  const pairs_BP = tf.reshape(open_TE, [sequences, positions * experts]) as Tensor2D;
  const chosen = highest(pairs_BP, positions * topK).indices.dataSync<"int32">();
  const expertsOf: number[][] = Array.from({ length: tokens }, () => []);
  chosen.forEach((pair, at) => {
    const sequence = Math.floor(at / (positions * topK));
    expertsOf[sequence * positions + Math.floor(pair / experts)]!.push(pair % experts);
  });
  return padChoices(expertsOf);
}

/** The `most` highest scores of every token, the others at −∞; equals at the border all stay. */
function onlyBest(scores_TE: Tensor2D, most: number): Tensor2D {
  const border_T1 = tf.slice(topValues(scores_TE, most), [0, most - 1], [-1, 1]);
  const closed_TE = tf.fill(scores_TE.shape, Number.NEGATIVE_INFINITY);
  return tf.where(tf.greaterEqual(scores_TE, border_T1), scores_TE, closed_TE) as Tensor2D;
}
