// Consecutive buckets added up.
import type { v1 } from "@moescope/proto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { buckets, steps } from "./buckets.fixture.ts";
import { addRank, layerLoad, sumBuckets, withoutExperts } from "./index.ts";
import { holdsForAll } from "./property.fixture.ts";
import { differences } from "./same.fixture.ts";

type Bucket = v1.StepBucket.$Properties;

const anyBuckets = fc.oneof(
  buckets,
  steps.map((messages) => messages.map((message): Bucket => addRank(message).bucket)),
);

test("the sum of two buckets, worked out by hand", () => {
  const earlier: Bucket = {
    ...{ run: "r", split: 1, firstStep: 8, lastStep: 9, steps: 2, tokens: 200, time: 5, attempt: 0, ranks: 4 },
    scalars: [{ name: "loss", values: 2, sum: 7, first: 4, min: 3, max: 4, last: 3 }],
    layers: [
      {
        ...{ layer: 1, maxViolation: { values: 2, sum: 1, first: 0.25, min: 0.25, max: 0.75, last: 0.75 } },
        ...{ deadExperts: 1, tokens: 10, dropped: 2, countsMin: [1, 2, 0], countsMax: [3, 4, 6] },
        categories: [{ category: 1, counts: [4, 6, 10], tokens: 10, dropped: 2, droppedCounts: [0, 0, 2] }],
        ...{
          selectionBias: [0.5, 0, 0],
          gateMass: [1, 2, 3],
          meanProbability: [0.5, 0.25, 0.25],
          probabilityTokens: 30,
        },
      },
    ],
  };
  const later: Bucket = {
    ...{ run: "r", split: 1, firstStep: 10, lastStep: 11, steps: 1, tokens: 100, time: 4, attempt: 1, ranks: 1 },
    scalars: [{ name: "loss", values: 1, sum: 1, first: 1, min: 1, max: 1, last: 1, nanValues: 1 }],
    layers: [
      {
        ...{ layer: 1, maxViolation: { values: 1, sum: 2, first: 2, min: 2, max: 2, last: 2 } },
        ...{ deadExperts: 2, tokens: 5, dropped: 1, countsMin: [0, 3, 1], countsMax: [0, 3, 7] },
        categories: [
          { category: 0, counts: [0, 1, 0], tokens: 1 },
          { category: 1, counts: [0, 2, 7], tokens: 4, dropped: 1 },
        ],
        ...{ selectionBias: [], gateMass: [], meanProbability: [1, 0, 0], probabilityTokens: 10 },
      },
    ],
  };
  expect(
    differences(sumBuckets([earlier, later]), {
      ...{ run: "r", split: 1, firstStep: 8, lastStep: 11, steps: 3, tokens: 200, time: 4, attempt: 1, ranks: 1 },
      scalars: [{ name: "loss", values: 3, sum: 8, first: 4, min: 1, max: 4, last: 1, nanValues: 1 }],
      layers: [
        {
          layer: 1,
          maxViolation: { name: "", values: 3, sum: 3, first: 0.25, min: 0.25, max: 2, last: 2, nanValues: 0 },
          ...{ deadExperts: 3, tokens: 15, dropped: 3, countsMin: [0, 2, 0], countsMax: [3, 4, 7] },
          categories: [
            { category: 0, counts: [0, 1, 0], tokens: 1, dropped: 0, droppedCounts: [] },
            { category: 1, counts: [4, 8, 17], tokens: 14, dropped: 3, droppedCounts: [0, 0, 2] },
          ],
          ...{ selectionBias: [], gateMass: [1, 2, 3] },
          ...{ meanProbability: [0.625, 0.1875, 0.1875], probabilityTokens: 40 },
        },
      ],
    }),
  ).toEqual([]);
});

test("buckets add up to the same whichever are added first", () => {
  holdsForAll([anyBuckets, fc.nat()], (all, at) => {
    const border = at % all.length;
    const parts = [sumBuckets(all.slice(0, border)), sumBuckets(all.slice(border))].filter(
      (part) => part !== undefined,
    );
    expect(differences(sumBuckets(parts), sumBuckets(all))).toEqual([]);
  });
});

test("buckets that are added up stay as they are", () => {
  holdsForAll([anyBuckets], (all) => {
    const before = structuredClone(all);
    sumBuckets(all);
    expect(differences(all, before)).toEqual([]);
  });
});

test("the order of scalars, layers and categories makes no difference, and they come out ascending", () => {
  const turned = (bucket: Bucket): Bucket => ({
    ...bucket,
    scalars: (bucket.scalars ?? []).toReversed(),
    layers: (bucket.layers ?? [])
      .toReversed()
      .map((layer) => ({ ...layer, categories: (layer.categories ?? []).toReversed() })),
  });
  holdsForAll([buckets], (all) => {
    const sum = sumBuckets(all)!;
    expect(differences(sumBuckets(all.map(turned)), sum)).toEqual([]);
    expectAscending(sum.scalars.map(({ name }) => name));
    expectAscending(sum.layers.map(({ layer }) => layer));
    for (const { categories } of sum.layers) expectAscending(categories.map(({ category }) => category));
  });
});

function expectAscending<Key extends number | string>(keys: Key[]): void {
  expect(keys.filter((key, index) => index > 0 && key <= keys[index - 1]!)).toEqual([]);
}

test("counts, tokens and gate mass are sums, extremes are of the steps that have a load", () => {
  holdsForAll([steps], (messages) => {
    const all = messages.map((message) => addRank(message).bucket);
    const sum = sumBuckets(all)!;
    for (const layer of sum.layers) {
      const parts = all.flatMap(({ layers }) => layers.filter((part) => part.layer === layer.layer));
      const loads = parts.filter(({ categories }) => categories.length > 0).map(layerLoad);
      const experts = [...layerLoad(layer).keys()];
      const ofSteps = (expert: number) => loads.map((load) => load[expert]!);
      expect([...layerLoad(layer)]).toEqual(experts.map((expert) => total(ofSteps(expert))));
      expect([...layer.countsMin]).toEqual(experts.map((expert) => Math.min(...ofSteps(expert))));
      expect([...layer.countsMax]).toEqual(experts.map((expert) => Math.max(...ofSteps(expert))));
      expect(layer.maxViolation.values + layer.maxViolation.nanValues).toBe(parts.length);
      expect(differences(layer.tokens, total(parts.map(({ tokens }) => tokens)))).toEqual([]);
      const masses = parts.map(({ gateMass }) => gateMass).filter(({ length }) => length > 0);
      expect([...layer.gateMass]).toEqual(
        [...layer.gateMass.keys()].map((expert) => total(masses.map((mass) => mass[expert]!))),
      );
    }
  });
});

test("a mean probability is the mean over the tokens of the steps that have it", () => {
  const mean = (meanProbability: number[], probabilityTokens: number) =>
    ({ layers: [{ layer: 3, meanProbability, probabilityTokens }] }) satisfies Bucket;
  const cases: [Bucket[], number[], number][] = [
    [[mean([1, 0], 10), mean([0, 1], 30)], [0.25, 0.75], 40],
    [[mean([], 0), mean([0.5, 0.5], 8), mean([], 0)], [0.5, 0.5], 8],
    // A mean over nothing, and tokens without a mean, say nothing.
    [[mean([1, 1], 0), mean([], 9), mean([0.25, 0.75], 1)], [0.25, 0.75], 1],
    [[mean([1, 1], 0), {}], [], 0],
  ];
  for (const [parts, expected, tokens] of cases) {
    const [layer] = sumBuckets(parts)!.layers;
    expect([[...layer!.meanProbability], layer!.probabilityTokens]).toEqual([expected, tokens]);
  }
});

test("an empty histogram in the first step, or in any other, leaves the extremes to the steps that have a load", () => {
  const step = (counts?: number[]) =>
    addRank({ histograms: [{ layer: 2, categories: counts === undefined ? [] : [{ category: 0, counts }] }] }).bucket;
  for (const order of [
    [step(), step([3, 1]), step([2, 4])],
    [step([3, 1]), step([2, 4]), step()],
  ]) {
    const [layer] = sumBuckets(order)!.layers;
    expect([[...layer!.countsMin], [...layer!.countsMax]]).toEqual([
      [2, 1],
      [3, 4],
    ]);
    expect(layer!.maxViolation).toMatchObject({ values: 2, nanValues: 1 });
  }
});

test("an expert that one bucket has no number for is what the others say of it", () => {
  const layer = (counts: number[]): Bucket => ({
    layers: [{ categories: [{ counts }], countsMin: counts, countsMax: counts, gateMass: counts }],
  });
  for (const order of [
    [layer([4, 1]), layer([2, 3, 5])],
    [layer([2, 3, 5]), layer([4, 1])],
  ]) {
    const { categories, countsMin, countsMax, gateMass } = sumBuckets(order)!.layers[0]!;
    const sums = [6, 4, 5];
    expect([categories[0]!.counts, countsMin, countsMax, gateMass]).toEqual([sums, [2, 1, 5], [4, 3, 5], sums]);
  }
});

test("the newest step's bias is shown, also when it has none", () => {
  const bias = (selectionBias?: number[]): Bucket => ({
    layers: [{ layer: 1, ...(selectionBias && { selectionBias }) }],
  });
  expect([...sumBuckets([bias([1]), bias([2]), { layers: [] }])!.layers[0]!.selectionBias]).toEqual([2]);
  expect([...sumBuckets([bias([1]), bias()])!.layers[0]!.selectionBias]).toEqual([]);
});

test("there is no sum of no buckets", () => expect(sumBuckets([])).toBeUndefined());

test("a layer without its experts keeps its metrics, and has a number for no expert", () => {
  holdsForAll([anyBuckets], (all) => {
    for (const layer of all.flatMap(({ layers = [] }) => layers)) {
      const { maxViolation, deadExperts, tokens, dropped, ...rest } = withoutExperts(layer);
      expect([maxViolation, deadExperts, tokens, dropped]).toEqual([
        ...[layer.maxViolation, layer.deadExperts, layer.tokens, layer.dropped],
      ]);
      expect(differences(withoutExperts(rest), rest)).toEqual([]);
      expect(Object.values(rest).flat()).toEqual([layer.layer, 0]);
    }
  });
});

function total(values: number[]): number {
  return values.reduce((sum, each) => sum + each, 0);
}
