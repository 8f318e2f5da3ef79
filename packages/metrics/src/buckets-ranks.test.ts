// The ranks of one step added up.
import type { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { ranksOfStep } from "./buckets.fixture.ts";
import {
  addRank,
  addRanks as addRanksAtOnce,
  busiestExpert,
  busiestExperts,
  deadExperts,
  layerLoad,
  maxViolation,
  type StepSum,
} from "./index.ts";
import { holdsForAll } from "./property.fixture.ts";
import { differences } from "./same.fixture.ts";

type Step = v1.Step.$Properties;

function addRanks(messages: readonly Step[]): StepSum {
  return messages.reduce<StepSum | undefined>((sum, message) => addRank(message, sum), undefined)!;
}

/** Memory that something was in before. */
const used = (length: number) => new Float64Array(length).fill(7);

test("the sum of two ranks, worked out by hand", () => {
  const first: Step = {
    ...{ run: "r", split: 1, rank: 2, attempt: 1, step: 9, tokens: 64, time: 5 },
    scalars: [{ name: "loss", value: 4 }],
    histograms: [
      {
        layer: 1,
        categories: [
          { category: 1, counts: [0, 2, 0], tokens: 1, droppedCounts: [0, 1, 0] },
          { category: 0, counts: [3, 1, 2], tokens: 3 },
        ],
        ...{ selectionBias: [0, 0, 1], gateMass: [1, 2, 3], meanProbability: [0.5, 0.25, 0.25] },
      },
      // A layer that the other rank does not have, from a sender of protocol 1.
      {
        layer: 0,
        categories: [
          { category: 0, counts: [1], tokens: 3, dropped: 5, gateMass: [4], meanProbability: [0.5] },
          { category: 1, counts: [2], tokens: 1, gateMass: [1], meanProbability: [1] },
          { category: 2, counts: [0], tokens: 100 },
        ],
      },
    ],
  };
  const second: Step = {
    ...{ run: "r", split: 1, rank: 0, attempt: 1, step: 9, tokens: 48, time: 6 },
    scalars: [{ name: "loss", value: 6 }, { name: "z" }],
    histograms: [
      {
        layer: 1,
        categories: [{ category: 1, counts: [1, 1, 0], tokens: 12, dropped: 3 }],
        ...{ selectionBias: [0, 0, 1], gateMass: [1, 0, 0], meanProbability: [1, 0, 0] },
      },
    ],
  };
  const { ranks, bucket, busiest } = addRanks([first, second]);
  expect(ranks).toBe(2);
  expect(busiest).toEqual(
    new Map([
      [0, 0],
      [1, 0],
    ]),
  );
  const violation = (value: number) => ({ name: "max_violation", ...oneValue(value) });
  const step = { run: "r", split: 1, firstStep: 9, lastStep: 9, steps: 1, tokens: 64, time: 6, attempt: 1, ranks: 2 };
  expect(
    differences(bucket, {
      ...step,
      scalars: [
        { name: "loss", values: 2, sum: 10, first: 6, min: 4, max: 6, last: 6, nanValues: 0 },
        { name: "z", ...oneValue(0) },
      ],
      layers: [
        {
          ...{ layer: 0, maxViolation: violation(0), deadExperts: 0, tokens: 104, dropped: 5 },
          categories: [
            { category: 0, counts: [1], tokens: 3, dropped: 5, droppedCounts: [] },
            { category: 1, counts: [2], tokens: 1, dropped: 0, droppedCounts: [] },
            { category: 2, counts: [0], tokens: 100, dropped: 0, droppedCounts: [] },
          ],
          ...{ countsMin: [3], countsMax: [3], selectionBias: [] },
          ...{ gateMass: [5], meanProbability: [0.625], probabilityTokens: 4 },
        },
        {
          ...{ layer: 1, maxViolation: violation(0.2), deadExperts: 0, tokens: 16, dropped: 4 },
          categories: [
            { category: 0, counts: [3, 1, 2], tokens: 3, dropped: 0, droppedCounts: [] },
            { category: 1, counts: [1, 3, 0], tokens: 13, dropped: 4, droppedCounts: [0, 1, 0] },
          ],
          ...{ countsMin: [4, 4, 2], countsMax: [4, 4, 2], selectionBias: [0, 0, 1] },
          ...{ gateMass: [2, 2, 3], meanProbability: [0.875, 0.0625, 0.0625], probabilityTokens: 16 },
        },
      ],
    }),
  ).toEqual([]);
});

function oneValue(value: number) {
  return { values: 1, sum: value, first: value, min: value, max: value, last: value, nanValues: 0 };
}

test("ranks add up to the same in whatever order they come, whatever was in the memory handed in", () => {
  holdsForAll([ranksOfStep], ([messages, shuffled]) => {
    const sum = addRanks(messages);
    const again = shuffled.reduce<StepSum | undefined>((before, message) => addRank(message, before, used), undefined);
    expect(differences(again, sum)).toEqual([]);
    expect([sum.ranks, sum.bucket.ranks, sum.bucket.steps]).toEqual([messages.length, messages.length, 1]);
  });
});

test("ranks added at once are the same as one after the other, whatever came before them and was in the memory", () => {
  holdsForAll([ranksOfStep], ([messages]) => {
    for (let first = 0; first < messages.length; first++) {
      const others = first === 0 ? undefined : addRanks(messages.slice(0, first));
      const sum = addRanksAtOnce(messages.slice(first), others, used);
      expect(differences(sum, addRanks(messages))).toEqual([]);
    }
  });
});

test("neither the message nor the sum of the others is changed", () => {
  holdsForAll([ranksOfStep], ([messages]) => {
    const others = addRanks(messages);
    const message = { ...messages[0]!, rank: 17 };
    const before = structuredClone({ message, others });
    addRank(message, others);
    expect(differences({ message, others }, before)).toEqual([]);
  });
});

test("a layer's load is that of all ranks' experts, and its measures are those of packages/metrics", () => {
  holdsForAll([ranksOfStep], ([messages]) => {
    const { bucket, busiest } = addRanks(messages);
    const sent = messages.flatMap(({ histograms = [] }) => histograms);
    for (const layer of bucket.layers) {
      const entries = sent.filter((each) => each.layer === layer.layer).flatMap(({ categories = [] }) => categories);
      const load = layerLoad(layer);
      expect(load.length).toBe(Math.max(0, ...entries.map(({ counts }) => counts!.length)));
      expect([...load]).toEqual([...load.keys()].map((expert) => total(entries.map(({ counts }) => counts![expert]!))));
      for (const extremes of [layer.countsMin, layer.countsMax]) expect([...extremes]).toEqual([...load]);
      expect(differences(layer.maxViolation.last, maxViolation(load))).toEqual([]);
      expect(layer.deadExperts).toBe(deadExperts(load).length);
      expect(busiest.get(layer.layer)).toBe(load.length === 0 ? undefined : busiestExpert(load));
    }
    expect(busiestExperts(bucket)).toEqual(busiest);
    expect(new Set(bucket.layers.map(({ layer }) => layer))).toEqual(new Set(sent.map(({ layer }) => layer!)));
  });
});

test("a rank without tokens beside ranks that have some changes no load, and alone it has none", () => {
  const padded: Step = { rank: 1, histograms: [{ layer: 3, categories: [] }] };
  const full: Step = {
    rank: 0,
    histograms: [{ layer: 3, categories: [{ category: 0, counts: [1, 2, 9], tokens: 6 }] }],
  };
  for (const order of [
    [padded, full],
    [full, padded],
  ]) {
    const { bucket, busiest } = addRanks(order);
    expect([...bucket.layers[0]!.countsMax]).toEqual([1, 2, 9]);
    expect(busiest).toEqual(new Map([[3, 2]]));
  }
  const { bucket, busiest } = addRanks([padded, { ...padded, rank: 2 }]);
  expect(busiest.size).toBe(0);
  const none = { categories: [], tokens: 0, dropped: 0, deadExperts: 0, probabilityTokens: 0 };
  expect(bucket.layers[0]).toMatchObject({ ...none, maxViolation: { values: 0, nanValues: 1, last: Number.NaN } });
  expect([bucket.layers[0]!.countsMin.length, bucket.layers[0]!.countsMax.length]).toEqual([0, 0]);
});

test("of ranks whose loss is a number, the lowest one's is shown", () => {
  const loss = (rank: number, ...values: number[]): Step => ({
    rank,
    scalars: values.map((value) => ({ name: "loss", value })),
  });
  const shown = (...messages: Step[]) => addRanks(messages).bucket.scalars[0];
  const expected = { values: 2, first: 5, last: 5, min: 5, max: 8, sum: 13, nanValues: 1 };
  expect(shown(loss(2, 8), loss(0, Number.NaN), loss(1, 5))).toMatchObject(expected);
  expect(shown(loss(1, 5), loss(2, 8), loss(0, Number.NaN))).toMatchObject(expected);
  expect(shown(loss(0, Number.NaN), loss(1))).toMatchObject({ values: 0, nanValues: 1, sum: 0, first: Number.NaN });
  // Of two values of one rank, the first.
  expect(shown(loss(0, Number.NaN, 5, 8))).toMatchObject(expected);
  const infinite = shown(loss(0, Number.POSITIVE_INFINITY), loss(1, Number.NEGATIVE_INFINITY));
  expect(infinite).toMatchObject({
    values: 2,
    sum: Number.NaN,
    min: Number.NEGATIVE_INFINITY,
    first: Number.POSITIVE_INFINITY,
  });
});

test("of ranks that send different biases the lowest is believed, and a sum whose ranks are not known is", () => {
  const bias = (rank: number, ...selectionBias: number[]): Step => ({
    rank,
    histograms: [{ layer: 1, selectionBias }],
  });
  const biasOf = ({ bucket }: StepSum) => [...bucket.layers[0]!.selectionBias];
  expect(biasOf(addRanks([bias(3, 0.3), bias(0), bias(1, 0.1), bias(2, 0.2)]))).toEqual([0.1]);
  const stored = { ...addRanks([bias(3, 0.3)]), shown: { scalars: new Map(), biases: new Map() } };
  expect(biasOf(addRank(bias(1, 0.1), stored))).toEqual([0.3]);
});

function total(values: number[]): number {
  return values.reduce((sum, each) => sum + each, 0);
}
