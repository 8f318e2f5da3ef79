// Group-limited routing: a token chooses among the experts of a few groups (nodes) only.
//
// T tokens, E experts in G groups of S, K choices of each token.
import { topValues } from "../ops/top-values.ts";
import { type Tensor2D, tf } from "../runtime/tf.ts";
import { chooseTopK, hotChoices } from "./route-plan.ts";

/**
 * Keeps, for every token, the groups with the highest sum of their two best scores (arXiv 2412.19437 §2.1.2 has K / kept of them, which
 * is two in the released model; its published router always takes two), and puts the scores of all other experts at −∞: 0 would not do, because score + bias may be negative.
 *
 * @param scores_TE what experts are chosen by, bias included; constants
 */
export function limitToGroups(scores_TE: Tensor2D, groups: number, kept: number): Tensor2D {
  const [tokens, experts] = scores_TE.shape;
  const size = experts / groups;
  const best = Math.min(size, 2);
  const byGroup = tf.reshape(scores_TE, [tokens * groups, size]) as Tensor2D;
  const groupScores_TG = tf.reshape(tf.sum(topValues(byGroup, best), 1), [tokens, groups]) as Tensor2D;
  const open_TG = hotChoices(chooseTopK(groupScores_TG, kept), groups);
  const open = tf.greater(tf.reshape(open_TG, [tokens * groups, 1]), 0);
  const closed = tf.fill([tokens * groups, size], Number.NEGATIVE_INFINITY);
  return tf.reshape(tf.where(tf.tile(open, [1, size]), byGroup, closed), [tokens, experts]);
}
