import { v1 } from "@moescope/proto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hasNativeOps } from "../ops/native.ts";
import { openBackend } from "../runtime/backends.ts";
import { type Tensor2D, tf } from "../runtime/tf.ts";
import { type DrawnBatch, drawnBatch, routingsOf, tallyOf } from "./drawn-batch.fixture.ts";
import { countComposed, countFused, MOST_COUNTED_TOKENS, routingHistogram } from "./routing-counts.ts";
import { brokenLaws } from "./routing-law.fixture.ts";

await openBackend();

describe.each([
  ["the composition", countComposed, true],
  ["the fused operation", countFused, hasNativeOps()],
] as const)("%s", (_, count, works) => {
  /** [L · R · E] */
  const counted = (batch: DrawnBatch) =>
    tf.tidy(() => count(routingsOf(batch), categoriesOf(batch), batch.capacity !== undefined).dataSync<"float32">());

  test.runIf(works)("counts what every token chose and lost, exactly, and sums gates and probabilities up", () => {
    holdsForAll((batch) => {
      const sums = counted(batch);
      const rows = batch.layers.flatMap((layer) => {
        const { chosen, dropped, gateMass, probability } = tallyOf(batch, layer);
        return [...chosen, ...(batch.capacity === undefined ? [] : dropped), gateMass, probability];
      });
      expect(sums).toHaveLength(rows.length * batch.experts);
      rows.flat().forEach((value, at) => {
        if (Number.isInteger(value)) expect(sums[at]).toBeCloseTo(value, 5);
        else expect(sums[at]! / value).toBeCloseTo(1, 5);
      });
    });
  });

  test.runIf(works)("leads to histograms that keep the law", () => {
    holdsForAll((batch) => {
      const sums = counted(batch);
      const tokens = tokensOf(batch);
      const layers = batch.layers.map(({ description }) => description);
      const histograms = layers.map((layer, place) => {
        return routingHistogram({ sums, tokens, droppable: batch.capacity !== undefined }, place, layer, undefined);
      });
      expect(brokenLaws(histograms, layers)).toEqual([]);
      histograms.forEach(({ categories }, place) => {
        const { chosen, dropped } = tallyOf(batch, batch.layers[place]!);
        const none = (row: number[]) => row.every((n) => n === 0);
        expect(categories).toEqual(
          categories!.map(({ category, assignments }) => ({
            category,
            counts: chosen[category!],
            tokens: tokens[category!],
            ...(!none(dropped[category!]!) && { droppedCounts: dropped[category!] }),
            ...(assignments !== undefined && { assignments }),
          })),
        );
        expect(categories!.map(({ category }) => category)).toEqual([...tokens.keys()].filter((c) => tokens[c]! > 0));
      });
    });
  });

  test.runIf(works)("is exact up to the most tokens that a batch may have", () => {
    const all = tf.tidy(() => {
      const ones_TE = tf.ones([MOST_COUNTED_TOKENS, 1]) as Tensor2D;
      const same = { chosen_TE: ones_TE, kept_TE: ones_TE, gates_TE: ones_TE, scores_TE: ones_TE };
      return count([{ ...same, probabilities_TE: ones_TE, scoresAreShares: true }], ones_TE, false).dataSync()[0];
    });
    expect(all).toBe(2 ** 24);
  });
});

test("the sum of counts is said where the description leaves it open", () => {
  const assignments = (description: v1.MoeLayer.$Properties) => {
    const layer = new v1.MoeLayer({ index: 0, experts: 2, ...description });
    const batch = { sums: Float32Array.of(3, 2, 0.5, 0.5, 2, 2), tokens: [4], droppable: false };
    return routingHistogram(batch, 0, layer, undefined).categories![0]!.assignments;
  };
  expect(assignments({ topK: 1 })).toBeUndefined();
  expect(assignments({ topK: 0 })).toBe(5);
  expect(assignments({ topK: 1, expertsChoose: true })).toBe(5);
});

describe("the checker of the law sees", () => {
  const layers = [new v1.MoeLayer({ index: 3, experts: 2, topK: 1 })];
  const lawful = (): v1.RoutingHistogram.$Properties => ({
    layer: 3,
    categories: [{ category: 0, counts: [3, 1], tokens: 4, droppedCounts: [1, 0] }],
    gateMass: [2, 1],
    meanProbability: [0.5, 0.5],
  });

  test("nothing wrong in what is right", () => expect(brokenLaws([lawful()], layers)).toEqual([]));

  test.each<[string, (histogram: v1.RoutingHistogram.$Properties, routing: v1.CategoryRouting.$Properties) => void]>([
    ["an assignment too many", (_, routing) => routing.counts!.fill(3)],
    ["more dropped than chosen", (_, routing) => routing.droppedCounts!.fill(2)],
    ["a list of no drops", (_, routing) => routing.droppedCounts!.fill(0)],
    ["dropped assignments that are negative", (_, routing) => Object.assign(routing, { dropped: -3 })],
    ["gate mass of a category", (_, routing) => Object.assign(routing, { gateMass: [1, 1] })],
    [
      "an expert chosen more often than there are tokens",
      (_, routing) => Object.assign(routing, { counts: [5, 0], tokens: 5, droppedCounts: [6, 0] }),
    ],
    ["a category twice", (histogram, routing) => histogram.categories!.push(routing)],
    ["a layer that is not described", (histogram) => Object.assign(histogram, { layer: 4 })],
    [
      "probabilities that add up to something else",
      (histogram) => Object.assign(histogram, { meanProbability: [0.5, 0.4] }),
    ],
  ])("%s", (_, spoil) => {
    const histogram = lawful();
    spoil(histogram, histogram.categories![0]!);
    expect(brokenLaws([histogram], layers)).not.toEqual([]);
  });

  test("sums that are missing or wrong where experts choose", () => {
    const choosing = [new v1.MoeLayer({ index: 3, experts: 2, topK: 1, expertsChoose: true })];
    const routing = { category: 0, counts: [3, 2], tokens: 4 };
    const other = { category: 1, counts: [0, 1], tokens: 2, assignments: 1 };
    const broken = (...categories: v1.CategoryRouting.$Properties[]) =>
      brokenLaws([{ ...lawful(), categories }], choosing).length;
    expect(broken({ ...routing, assignments: 5 }, other)).toBe(0);
    expect(broken(routing, other)).toBe(1);
    expect(broken({ ...routing, assignments: 4 }, other)).toBe(1);
    expect(broken({ ...routing, assignments: 5 })).toBe(1);
  });
});

function holdsForAll(property: (batch: DrawnBatch) => void): void {
  fc.assert(fc.property(drawnBatch, property), { seed: 20_408_154, numRuns: 200 });
}

function categoriesOf({ categoryOf, categories }: DrawnBatch): Tensor2D {
  return tf.tensor2d(categoryOf.map((own) => Array.from({ length: categories }, (_, at) => Number(at === own))));
}

function tokensOf({ categoryOf, categories }: DrawnBatch): number[] {
  return Array.from({ length: categories }, (_, category) => categoryOf.filter((own) => own === category).length);
}
