import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { openBackend } from "../runtime/backends.ts";
import { tf } from "../runtime/tf.ts";
import { goldenRouting } from "./golden-routing.fixture.ts";
import { bestPairs, seqTopK } from "./seq-top-k.ts";
import { smallRun, strategyCases } from "./strategy.cases.ts";

await openBackend();

/** Scores of B · S tokens, all different. */
const drawn = fc
  .record({
    sequences: fc.integer({ min: 1, max: 3 }),
    positions: fc.integer({ min: 1, max: 6 }),
    experts: fc.integer({ min: 2, max: 6 }),
  })
  .chain((size) => {
    const count = size.sequences * size.positions * size.experts;
    const topK = fc.integer({ min: 1, max: size.experts });
    return fc.record({
      size: fc.constant(size),
      limits: topK.chain((K) => fc.tuple(fc.constant(K), fc.integer({ min: K, max: size.experts }))),
      ranks: fc.shuffledSubarray([...Array(count).keys()], { minLength: count, maxLength: count }),
    });
  });

describe("seq-top-k", () => {
  strategyCases("seq-top-k", { improves: false });

  test("takes the best pairs of each sequence one after another, a token's that is full left out", () => {
    fc.assert(
      fc.property(drawn, ({ size: { sequences, positions, experts }, limits: [topK, most], ranks }) => {
        const shape: [number, number] = [sequences * positions, experts];
        const choice = tf.tidy(
          () => bestPairs(tf.tensor2d(ranks, shape, "float32"), topK, sequences, most).arraySync() as number[][],
        );
        const found = choice.map((own) => own.filter((expert) => expert >= 0));
        expect(found).toEqual(greedily(ranks, { sequences, positions, experts, topK, most }));
      }),
    );
  });

  test("in evaluation every token takes its K best: no token looks at another", () => {
    const strategy = seqTopK.create(seqTopK.defaults, { ...smallRun, sequences: 1 });
    const perToken = (training: boolean) =>
      tf.tidy(() => [...tf.sum(goldenRouting({ strategy, training }).chosen_TE, 1).dataSync()]);
    expect(new Set(perToken(false))).toEqual(new Set([2]));
    expect(new Set(perToken(true)).size).toBeGreaterThan(1);
    expect(perToken(true).reduce((sum, n) => sum + n, 0)).toBe(24);
  });

  test.each([1, 9, 2.5])("refuses at most %d experts a token", (most) => {
    expect(() => seqTopK.create({ most }, smallRun)).toThrow(
      `balancing.most is ${most}; allowed are 0, for no limit, and whole numbers from model.topK = 2 to model.experts = 8`,
    );
  });
});

function greedily(
  scores: number[],
  {
    sequences,
    positions,
    experts,
    topK,
    most,
  }: Record<"sequences" | "positions" | "experts" | "topK" | "most", number>,
): number[][] {
  const expertsOf: number[][] = Array.from({ length: sequences * positions }, () => []);
  const left = new Array(sequences).fill(positions * topK);
  const order = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!);
  for (const pair of order) {
    const token = Math.floor(pair / experts);
    const sequence = Math.floor(token / positions);
    if (left[sequence] === 0 || expertsOf[token]!.length === most) continue;
    expertsOf[token]!.push(pair % experts);
    left[sequence] -= 1;
  }
  return expertsOf;
}
