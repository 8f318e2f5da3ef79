// What property tests draw from, and how many draws they make, always the same ones.
import fc from "fast-check";

export function holdsForAll<Drawn extends [unknown, ...unknown[]]>(
  drawn: { [K in keyof Drawn]: fc.Arbitrary<Drawn[K]> },
  property: (...values: Drawn) => void,
): void {
  fc.assert(fc.property(...(drawn as [fc.Arbitrary<unknown>, ...fc.Arbitrary<unknown>[]]), property as never), {
    seed: 20_408_154,
    numRuns: 300,
  });
}

const count = fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 100_000 }));

/** Loads of 1 to 24 experts, some with nothing, at least one assignment in all. */
export const loads = loadsOf(fc.integer({ min: 1, max: 24 }));

/** Loads of 12 experts, which 1, 2, 3, 4, 6 or 12 ranks share. */
export const loadsOfTwelve = loadsOf(fc.constant(12));

/** Histograms of 1 to 5 categories over the same experts, each with at least one assignment. */
export const loadsByCategory = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 12 }))
  .chain(([rows, experts]) => fc.array(loadsOf(fc.constant(experts)), { minLength: rows, maxLength: rows }));

export interface ChoicesOfTokens {
  topK: number;
  experts: number;
  /** [T, K] each, of the same tokens; no token chooses an expert twice. */
  before: number[];
  after: number[];
}

export const choices: fc.Arbitrary<ChoicesOfTokens> = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 10 }))
  .chain(([experts, k, tokens]) => {
    const topK = Math.min(experts, k);
    const ofToken = fc.shuffledSubarray([...Array(experts).keys()], { minLength: topK, maxLength: topK });
    const ofTokens = fc.array(ofToken, { minLength: tokens, maxLength: tokens }).map((lists) => lists.flat());
    return fc.record({ topK: fc.constant(topK), experts: fc.constant(experts), before: ofTokens, after: ofTokens });
  });

function loadsOf(experts: fc.Arbitrary<number>): fc.Arbitrary<number[]> {
  return experts
    .chain((length) => fc.array(count, { minLength: length, maxLength: length }))
    .filter((counts) => counts.some((n) => n > 0));
}
