// Expert threshold routing: an expert takes every token that scores it above a threshold, which follows the scores of earlier batches.
//
// T tokens, E experts, K choices for each token in the mean, C = K·T/E tokens of each expert in the mean.
import { offTape } from "../ops/off-tape.ts";
import { topValues } from "../ops/top-values.ts";
import { type Tensor1D, type Tensor2D, tf } from "../runtime/tf.ts";
import { expertsChoose } from "./expert-choice.ts";
import { byLayer } from "./selection-bias.ts";
import { requireEvenShares, requireShare, type StrategyDefinition } from "./strategy.ts";
import { padChoices } from "./varying-choices.ts";

/**
 * Token t goes to expert e where its logit is at least θ_e, so a token has any number of experts, none included, and no token looks at
 * another. After a batch m_e ← decay · m_e + (1 − decay) · (the C-th highest logit of e), and θ_e = m_e / (1 − decay^n) after n batches
 * (arXiv 2603.11535 and its published code). In the first `warmupSteps` steps, while thresholds are still those of an untrained router,
 * experts choose their C best tokens; there is no threshold at all before the first batch.
 */
export const expertThreshold: StrategyDefinition<{ decay: number; warmupSteps: number }> = {
  summary: "a token goes to every expert that it scores above a threshold (expert threshold); experts a token vary",
  kind: "choice",
  balancedBecause: "thresholds hold every expert at the same share of tokens",
  topKVaries: true,
  defaults: { decay: 0.99, warmupSteps: 1 },
  model: { gate: "sigmoid", normaliseGates: false },
  create({ decay, warmupSteps }, run) {
    const { moeLayers, experts, groups, identityExperts } = run;
    requireShare("decay", decay);
    if (decay === 1) throw new RangeError("balancing.decay is 1; allowed are numbers from 0 to below 1");
    if (!(Number.isSafeInteger(warmupSteps) && warmupSteps >= 1)) {
      throw new RangeError(`balancing.warmupSteps is ${warmupSteps}; allowed are whole numbers from 1`);
    }
    requireEvenShares("expert-threshold", run);
    if (groups > 1)
      throw new RangeError(`model.groups is ${groups}; with expert-threshold no token chooses a group: set it to 1`);
    if (identityExperts > 0) {
      throw new RangeError(
        `model.identityExperts is ${identityExperts}; expert-threshold would fill them like all others: set it to 0`,
      );
    }
    const averages = Array.from({ length: moeLayers }, () => new Float32Array(experts));
    const batches = Float32Array.of(0);
    return {
      choose: ({ logits_TE, topK, context: { moeLayer, training, step } }) => {
        if (training && (step < warmupSteps || batches[0] === 0)) return expertsChoose(logits_TE, topK);
        if (batches[0] === 0) return undefined;
        return aboveThreshold(logits_TE, thresholds(averages[moeLayer]!, decay, batches[0]!));
      },
      measureSize: experts,
      measure: ({ logits_TE, topK }) => cutoffs(logits_TE, topK),
      afterStep(observed) {
        batches[0]! += 1;
        observed.forEach(({ measured }, moeLayer) => {
          moveTowards(averages[moeLayer]!, measured!, decay);
        });
      },
      state: () => ({ ...byLayer("average", averages), batches }),
    };
  },
};

/** The C-th highest logit of each expert, [E]. */
export function cutoffs(logits_TE: Tensor2D, topK: number): Tensor1D {
  return offTape(() => {
    const [tokens, experts] = logits_TE.shape;
    const each = (tokens * topK) / experts;
    return tf.reshape(tf.slice(topValues(tf.transpose(logits_TE), each), [0, each - 1], [-1, 1]), [experts]);
  });
}

/** One update of a layer's running averages, in place. */
export function moveTowards(average: Float32Array, cutoffs: ArrayLike<number>, decay: number): void {
  average.forEach((value, expert) => {
    average[expert] = decay * value + (1 - decay) * cutoffs[expert]!;
  });
}

/** θ: an average that starts at 0, divided by how much of the batches it holds. */
export function thresholds(average: Float32Array, decay: number, batches: number): Float32Array {
  return average.map((value) => value / (1 - decay ** batches));
}

/** @returns int32 [T, K'], best first; −1 where a token has fewer. Reads the logits back once. */
export function aboveThreshold(logits_TE: Tensor2D, threshold: Float32Array): Tensor2D {
  const [tokens, experts] = logits_TE.shape;
  const logits = logits_TE.dataSync<"float32">();
  const expertsOf = Array.from({ length: tokens }, (_, token) => {
    const score = (expert: number) => logits[token * experts + expert]!;
    const above = Array.from(threshold.keys()).filter((expert) => score(expert) >= threshold[expert]!);
    return above.sort((a, b) => score(b) - score(a));
  });
  return padChoices(expertsOf);
}
