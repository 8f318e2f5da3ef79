// Routings that property tests draw, and what there is to count in them, counted token by token.
//
// T tokens, E experts, K choices of each token.
import { v1 } from "@moescope/proto";
import fc from "fast-check";
import { type Tensor2D, tf } from "../runtime/tf.ts";
import { planRoutes } from "./route-plan.ts";
import type { CountedRouting } from "./routing-counts.ts";

/** Who says how many experts a token gets: it has K, it has any number, or experts take their own number of tokens each. */
const MANNERS = ["fixed", "varying", "experts choose"] as const;

export interface DrawnBatch {
  experts: number;
  /** Tokens that an expert takes at most. */
  capacity: number | undefined;
  categories: number;
  categoryOf: number[];
  layers: DrawnLayer[];
}

interface DrawnLayer {
  description: v1.MoeLayer;
  /** Experts of each token, best first. */
  choices: number[][];
  /** [T][E] */
  gates: number[][];
  scores: number[][];
}

export const drawnBatch: fc.Arbitrary<DrawnBatch> = fc
  .record({
    experts: fc.integer({ min: 1, max: 9 }),
    capacity: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
    categories: fc.integer({ min: 1, max: 4 }),
    tokens: fc.integer({ min: 1, max: 40 }),
    layers: fc.integer({ min: 1, max: 3 }),
  })
  .chain(({ tokens, layers, ...size }) =>
    fc.record({
      experts: fc.constant(size.experts),
      capacity: fc.constant(size.capacity),
      categories: fc.constant(size.categories),
      categoryOf: listOf(fc.nat({ max: size.categories - 1 }), tokens),
      layers: fc.tuple(...Array.from({ length: layers }, (_, index) => drawnLayer(index, tokens, size.experts))),
    }),
  );

function drawnLayer(index: number, tokens: number, experts: number): fc.Arbitrary<DrawnLayer> {
  const weights = listOf(listOf(fc.double({ min: 0.01, max: 1, noNaN: true }), experts), tokens);
  return fc
    .record({
      manner: fc.constantFrom(...MANNERS),
      gates: weights,
      scores: weights,
      most: fc.integer({ min: 1, max: experts }),
    })
    .chain(({ manner, gates, scores, most }) => {
      const least = manner === "fixed" ? most : 0;
      const ofTokens = listOf(subsetOf(experts, least, most), tokens);
      const ofExperts = fc
        .integer({ min: 1, max: tokens })
        .chain((each) => listOf(subsetOf(tokens, each, each), experts))
        .map((taken) => turned(taken, tokens));
      return (manner === "experts choose" ? ofExperts : ofTokens).map((choices) => {
        const perToken = choices.flat().length / tokens;
        const topK = manner !== "varying" && Number.isInteger(perToken) ? perToken : 0;
        const expertsChoose = manner === "experts choose";
        return { choices, gates, scores, description: new v1.MoeLayer({ index, experts, topK, expertsChoose }) };
      });
    });
}

function listOf<Item>(item: fc.Arbitrary<Item>, length: number): fc.Arbitrary<Item[]> {
  return fc.array(item, { minLength: length, maxLength: length });
}

function subsetOf(size: number, minLength: number, maxLength: number): fc.Arbitrary<number[]> {
  return fc.shuffledSubarray([...Array(size).keys()], { minLength, maxLength });
}

/** Experts of each token, from the tokens of each expert. */
function turned(taken: number[][], tokens: number): number[][] {
  const ofToken: number[][] = Array.from({ length: tokens }, () => []);
  taken.forEach((own, expert) => {
    for (const token of own) ofToken[token]!.push(expert);
  });
  return ofToken;
}

/** As a router would leave it on the device. */
export function routingsOf({ experts, capacity, layers }: DrawnBatch): CountedRouting[] {
  return layers.map(({ choices, gates, scores }) => {
    const most = Math.max(1, ...choices.map(({ length }) => length));
    const padded = choices.map((own) => [...own, ...new Array(most - own.length).fill(-1)]);
    const { chosen_TE, kept_TE } = planRoutes(tf.tensor2d(padded, [choices.length, most], "int32"), experts, capacity);
    const scores_TE = tf.tensor2d(scores);
    return {
      chosen_TE,
      kept_TE,
      gates_TE: tf.mul(tf.tensor2d(gates), chosen_TE) as Tensor2D,
      scores_TE,
      probabilities_TE: tf.div(scores_TE, tf.sum(scores_TE, 1, true)) as Tensor2D,
      scoresAreShares: false,
    };
  });
}

/** What was counted by hand. */
export interface Tally {
  /** [C][E] */
  chosen: number[][];
  dropped: number[][];
  /** [E] */
  gateMass: number[];
  probability: number[];
}

export function tallyOf(
  { experts, capacity = Number.POSITIVE_INFINITY, categories, categoryOf }: DrawnBatch,
  layer: DrawnLayer,
): Tally {
  const { choices, gates, scores } = layer;
  const zeros = () => new Array<number>(experts).fill(0);
  const rows = () => Array.from({ length: categories }, zeros);
  const tally: Tally = { chosen: rows(), dropped: rows(), gateMass: zeros(), probability: zeros() };
  const taken = zeros();
  for (let choice = 0; choice < experts; choice++) {
    for (const [token, own] of choices.entries()) {
      const expert = own[choice];
      if (expert === undefined) continue;
      tally.chosen[categoryOf[token]!]![expert]! += 1;
      if (taken[expert]!++ < capacity) tally.gateMass[expert]! += gates[token]![expert]!;
      else tally.dropped[categoryOf[token]!]![expert]! += 1;
    }
  }
  for (const row of scores) {
    const sum = row.reduce((total, score) => total + score, 0);
    row.forEach((score, expert) => {
      tally.probability[expert]! += score / sum;
    });
  }
  return tally;
}
