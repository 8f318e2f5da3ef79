// Hash routing: the token's id alone decides, once and for all; no router is learned.
import { Random } from "../data/random.ts";
import { type Tensor2D, tf } from "../runtime/tf.ts";
import { requireOneOf, type StrategyDefinition } from "./strategy.ts";

/** Key of the random stream of the tables. */
const STREAM = 13;

/** How the experts of token ids are dealt out. */
const deals: Record<string, typeof dealEvenly> = { even: dealEvenly, offset: dealByOffset };

/**
 * Every token id has K experts of its own in each layer, dealt out so that every expert has as many ids as any other, or one more
 * (arXiv 2106.04426, balanced in ids rather than in frequency); gate weights are equal. `deal` "offset" is how runs of before were
 * dealt: even in first choices alone.
 */
export const hash: StrategyDefinition<{ deal: string }> = {
  summary: "experts by token id, no router (Hash Layers)",
  kind: "choice",
  defaults: { deal: "even" },
  formerly: { deal: "offset" },
  model: { normaliseGates: true },
  router: { learned: false },
  create({ deal }, { moeLayers, vocabulary, experts, topK, seed, groups, identityExperts }) {
    requireOneOf("deal", deal, Object.keys(deals));
    if (groups > 1) throw new RangeError(`model.groups is ${groups}; hash routing knows no groups: set it to 1`);
    if (identityExperts > 0) {
      throw new RangeError(
        `model.identityExperts is ${identityExperts}; hash routing would fill them for ever: set it to 0`,
      );
    }
    const tables = Array.from({ length: moeLayers }, (_, moeLayer) => {
      return deals[deal]!(vocabulary, experts, topK, new Random(STREAM, seed, moeLayer));
    });
    return {
      choose: ({ context: { tokens_T, moeLayer }, topK }) =>
        choiceOf(tables[moeLayer]!, tokens_T.dataSync<"int32">(), topK),
    };
  },
};

/**
 * Ids in random order take K cards each from shuffled decks of all experts.
 *
 * @returns [V, K] expert ids; those of one token differ
 */
export function dealEvenly(vocabulary: number, experts: number, topK: number, random: Random): Int32Array {
  const table = new Int32Array(vocabulary * topK);
  let deck: number[] = [];
  for (const id of random.shuffle(Int32Array.from({ length: vocabulary }, (_, id) => id))) {
    const hand = deck.splice(0, topK);
    if (hand.length < topK) {
      const next = random.shuffle(Int32Array.from({ length: experts }, (_, expert) => expert));
      // What the hand has already comes last, so that no token has an expert twice.
      deck = [...next.filter((expert) => !hand.includes(expert)), ...next.filter((expert) => hand.includes(expert))];
      hand.push(...deck.splice(0, topK - hand.length));
    }
    table.set(hand, id * topK);
  }
  return table;
}

function dealByOffset(vocabulary: number, experts: number, topK: number, random: Random): Int32Array {
  const table = new Int32Array(vocabulary * topK);
  const ids = random.shuffle(Int32Array.from({ length: vocabulary }, (_, id) => id));
  const order = random.shuffle(Int32Array.from({ length: experts }, (_, expert) => expert));
  ids.forEach((id, at) => {
    const apart = 1 + random.below(Math.max(1, Math.floor((experts - 1) / Math.max(1, topK - 1))));
    for (let k = 0; k < topK; k++) table[id * topK + k] = order[(at + k * apart) % experts]!;
  });
  return table;
}

function choiceOf(table: Int32Array, ids: Int32Array, topK: number): Tensor2D {
  const choice_TK = Int32Array.from({ length: ids.length * topK }, (_, at) => {
    return table[ids[Math.floor(at / topK)]! * topK + (at % topK)]!;
  });
  return tf.tensor2d(choice_TK, [ids.length, topK], "int32");
}
