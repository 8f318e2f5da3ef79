import { maxViolation, sumHistograms } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Collector } from "../../index.ts";
import { getHistory, getSummary, startTestCollector } from "../../testing/collector.ts";
import { comparable } from "../../testing/comparable.ts";
import { describedRun, randomStep } from "../../testing/runs.ts";
import { TestSender } from "../../testing/sender.ts";
import { asStored } from "../writing/gates.ts";
import { bucketWidth } from "./history.ts";

let collector: Collector;
beforeAll(async () => {
  collector = await startTestCollector();
});
afterAll(() => collector.stop());

/** Sends steps, each with the next sequence number of its rank and attempt, and waits until all are stored. */
async function store(run: v1.RunDescription, steps: v1.Step[]): Promise<void> {
  const streams = groupedBy(steps, (step) => `${step.rank}/${step.attempt}`);
  for (const messages of streams.values()) {
    const { rank, attempt } = messages[0]!;
    const sender = await TestSender.connect(collector.grpcAddress, run, rank, attempt);
    for (const [position, step] of messages.entries()) sender.send({ step: { ...step, sequence: position + 1 } });
    await sender.untilAcknowledged(messages.length);
    sender.close();
    await sender.status;
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

describe("bucketWidth is the smallest power of two that needs few enough buckets", () => {
  test.each([
    [0, 399, 400, 1],
    [0, 400, 400, 2],
    [0, 99_999, 400, 256],
    [7, 8, 1, 16],
    [8, 15, 1, 8],
    [5, 5, 1, 1],
  ])("%i..%i in %i", (from, to, points, width) => expect(bucketWidth(from, to, points)).toBe(width));
});

describe("history equals sums and extremes worked out here", () => {
  const run = describedRun("reduced", { moeLayers: [0, 2, 5], experts: 6 });
  const steps = range(0, 299).map((step) => randomStep(run, { sequence: step + 1, step }));
  beforeAll(() => store(run, steps));

  test.each([
    ["from=0&to=299&points=400&layers=all", 0, 299, 1],
    ["points=10&layers=all", 0, 299, 32],
    ["from=37&to=211&points=7&layers=2", 37, 211, 32],
    ["from=100&to=100&points=1&layers=all", 100, 100, 1],
    ["from=5&to=250&points=1&layers=0,5", 5, 250, 256],
    ["from=250&to=1000&points=3&layers=none", 250, 1000, 512],
  ])("%s", async (query, from, to, width) => {
    const history = await getHistory(collector, run.id, query);
    expect(history.bucketWidth).toBe(width);
    const chosen = new URLSearchParams(query).get("layers")!;
    const wanted = chosen === "all" ? run.moeLayers : chosen.split(",").map(Number);
    const groups = groupedBy(
      steps.filter(({ step }) => step >= from && step <= to),
      ({ step }) => Math.floor(step / width),
    );
    const expected = [...groups.values()].map((group) => expectedBucket(group, wanted));
    expect(history.buckets.map((bucket) => v1.StepBucket.toObject(bucket, { defaults: true, arrays: true }))).toEqual(
      expected,
    );
  });

  test.each(["points=10&layers=all", "from=37&to=211&points=7&layers=2", "from=3&to=3&layers=0,5"])(
    "%s, categories together",
    async (query) => {
      const each = await getHistory(collector, run.id, query);
      const { buckets } = await getHistory(collector, run.id, `${query}&categories=together`);
      const added = each.buckets.map(({ layers, ...bucket }) => ({
        ...bucket,
        layers: layers!.map((layer) => ({ ...layer, categories: together(layer) })),
      }));
      expect(comparable(buckets)).toEqual(comparable(added));
    },
  );

  test.each(["points=10&layers=2", "from=37&to=40&layers=5,0", "from=3&to=9"])(
    "%s, metrics of the chosen layers alone",
    async (query) => {
      const all = await getHistory(collector, run.id, query);
      const { buckets } = await getHistory(collector, run.id, `${query}&metrics=chosen`);
      const chosen = new URLSearchParams(query).get("layers")?.split(",").map(Number) ?? [];
      const cut = all.buckets.map(({ layers, ...bucket }) => ({
        ...bucket,
        layers: layers!.filter(({ layer }) => chosen.includes(layer!)),
      }));
      expect(comparable(buckets)).toEqual(comparable(cut));
    },
  );

  test("the whole run is what is shown without a range", async () => {
    const { buckets } = await getHistory(collector, run.id);
    expect(buckets).toHaveLength(300);
    expect(buckets.every((bucket) => bucket.layers.every((layer) => layer.categories.length === 0))).toBe(true);
  });
});

test("splits are kept apart and share their buckets", async () => {
  const run = describedRun("splits");
  const train = range(0, 63).map((step) => randomStep(run, { sequence: 0, step }));
  const evaluations = [15, 31, 63].map((step) => randomStep(run, { sequence: 0, step, split: v1.Split.EVAL }));
  await store(run, [...train, ...evaluations]);
  const history = await getHistory(collector, run.id, "split=eval&points=16");
  expect(history.split).toBe(v1.Split.EVAL);
  expect(history.bucketWidth).toBe(4);
  expect(history.buckets.map((bucket) => [bucket.firstStep, bucket.steps])).toEqual([
    [15, 1],
    [31, 1],
    [63, 1],
  ]);
  const summary = await getSummary(collector, run.id);
  expect(summary).toMatchObject({ lastStep: 63, steps: 64, validationLoss: evaluations[2]!.scalars[0]!.value });
  expect(summary.validationMaxViolation).toBeCloseTo(meanMaxViolation(evaluations[2]!), 12);
  expect(summary.maxViolation).toBeCloseTo(meanMaxViolation(train[63]!), 12);
});

test("the newest attempt is shown where attempts overlap, and earlier ones on request", async () => {
  const run = describedRun("attempts");
  const first = range(0, 19).map((step) => randomStep(run, { sequence: 0, step }));
  const second = range(12, 25).map((step) => randomStep(run, { sequence: 0, step, attempt: 1 }));
  await store(run, [...first, ...second]);
  const shown = await getHistory(collector, run.id, "layers=1");
  expect(shown.buckets.map(({ firstStep, attempt }) => [firstStep, attempt])).toEqual(
    range(0, 25).map((step) => [step, step < 12 ? 0 : 1]),
  );
  const counts = (bucket: v1.StepBucket) => bucket.layers[0]!.categories.map((category) => category.counts);
  expect(counts(shown.buckets[15]!)).toEqual(second[3]!.histograms[0]!.categories.map((category) => category.counts));

  const earlier = await getHistory(collector, run.id, "attempt=0&from=15&to=15&layers=1");
  expect(counts(earlier.buckets[0]!)).toEqual(first[15]!.histograms[0]!.categories.map((category) => category.counts));
  expect((await getSummary(collector, run.id)).attempts).toMatchObject([
    { attempt: 0, firstStep: 0, lastStep: 19 },
    { attempt: 1, firstStep: 12, lastStep: 25 },
  ]);
});

test("ranks are added exactly, and MaxVio is that of their sum", async () => {
  const run = describedRun("ranks", { ranks: 3 });
  const steps = [2, 0, 1].flatMap((rank) => range(0, 9).map((step) => randomStep(run, { sequence: 0, step, rank })));
  await store(run, steps);
  const { buckets } = await getHistory(collector, run.id, "layers=all");
  expect(buckets).toHaveLength(10);
  for (const [step, bucket] of buckets.entries()) {
    const ranks = steps.filter((message) => message.step === step).sort((a, b) => a.rank - b.rank);
    expect(bucket.steps).toBe(1);
    for (const [index, layer] of bucket.layers.entries()) {
      const load = run.categories.map((_, category) =>
        summed(ranks.map((r) => r.histograms[index]!.categories[category]!.counts)),
      );
      expect(layer.categories.map((category) => category.counts)).toEqual(load);
      expect(layer.countsMin).toEqual(summed(load));
      expect(layer.maxViolation.values).toBe(1);
      expect(layer.maxViolation.sum).toBeCloseTo(maxViolation(summed(load)), 12);
    }
    const losses = ranks.map((message) => message.scalars[0]!.value);
    const loss = { values: 3, first: losses[0], last: losses[0], min: Math.min(...losses), max: Math.max(...losses) };
    expect(bucket.scalars[0]).toMatchObject(loss);
  }
  expect((await getSummary(collector, run.id)).steps).toBe(10);
});

/** The loads of a layer's categories as one. */
function together({ categories }: v1.LayerSummary.$Properties) {
  if (!categories?.length) return [];
  const counts = sumHistograms(categories.map((load) => load.counts!));
  return [
    {
      ...{ category: 0, counts: [...counts], droppedCounts: [] },
      tokens: sum(categories.map((load) => load.tokens ?? 0)),
      dropped: sum(categories.map((load) => load.dropped ?? 0)),
    },
  ];
}

function expectedBucket(steps: v1.Step[], wanted: number[]): object {
  const [first, last] = [steps[0]!, steps.at(-1)!];
  const position = {
    run: first.run,
    split: first.split,
    firstStep: first.step,
    lastStep: last.step,
    steps: steps.length,
  };
  const scalars = first.scalars.map((scalar, index) =>
    summary(
      scalar.name,
      steps.map((step) => step.scalars[index]!.value),
    ),
  );
  const layers = first.histograms.map((_, index) =>
    expectedLayer(
      steps.map((step) => step.histograms[index]!),
      wanted,
    ),
  );
  return { ...position, tokens: last.tokens, time: last.time, attempt: 0, ranks: 1, scalars, layers };
}

const NO_DETAIL = {
  ...{ categories: [], countsMin: [], countsMax: [], selectionBias: [] },
  ...{ gateMass: [], meanProbability: [], probabilityTokens: 0 },
};

function expectedLayer(histograms: v1.RoutingHistogram[], wanted: number[]): object {
  const loads = histograms.map(loadOf);
  const categories = [0, 1].map((category) => {
    const entries = histograms.map((histogram) => histogram.categories[category]!);
    const sums = { tokens: sum(entries.map((e) => e.tokens)), dropped: sum(entries.map((e) => e.dropped)) };
    return { category, counts: summed(entries.map((entry) => entry.counts)), droppedCounts: [], ...sums };
  });
  const { layer, selectionBias } = histograms.at(-1)!;
  const experts = loads[0]!.map((_, expert) => loads.map((load) => load[expert]!));
  const detail = {
    categories,
    countsMin: experts.map((values) => Math.min(...values)),
    countsMax: experts.map((values) => Math.max(...values)),
    selectionBias,
    ...expectedGates(histograms),
  };
  return {
    layer,
    maxViolation: summary("max_violation", loads.map(maxViolation)),
    deadExperts: sum(loads.map((load) => load.filter((n) => n < 0.01 * (sum(load) / load.length) || n === 0).length)),
    tokens: sum(categories.map((category) => category.tokens)),
    dropped: sum(categories.map((category) => category.dropped)),
    ...(wanted.includes(layer) ? detail : NO_DETAIL),
  };
}

/** Of each step the sum over categories and their mean by tokens, as they are stored; and of those the sum, and the mean by tokens. */
function expectedGates(sent: v1.RoutingHistogram[]): object {
  const histograms = sent.map((histogram) =>
    v1.RoutingHistogram.decode(v1.RoutingHistogram.encode(histogram).finish()),
  );
  asStored(v1.Step.create({ histograms }));
  const tokens = histograms.map(({ categories }) => sum(categories.map((category) => category.tokens!)));
  const masses = histograms.map(({ meanProbability }, step) =>
    [...meanProbability].map((mean) => mean * tokens[step]!),
  );
  const probabilityTokens = sum(tokens);
  return {
    gateMass: summed(histograms.map(({ gateMass }) => [...gateMass])),
    meanProbability: summed(masses).map((mass) => expect.closeTo(mass / probabilityTokens, 6)),
    probabilityTokens,
  };
}

function summary(name: string, values: number[]): object {
  const extremes = { min: Math.min(...values), max: Math.max(...values) };
  const ends = { first: values[0], last: values.at(-1) };
  // ClickHouse adds in another order, so the last digits of a sum may differ.
  return { name, values: values.length, sum: expect.closeTo(sum(values), 9), ...ends, ...extremes, nanValues: 0 };
}

function loadOf(histogram: v1.RoutingHistogram): number[] {
  return summed(histogram.categories.map((category) => category.counts));
}

function meanMaxViolation(step: v1.Step): number {
  return sum(step.histograms.map((histogram) => maxViolation(loadOf(histogram)))) / step.histograms.length;
}

function summed(arrays: number[][]): number[] {
  return arrays[0]!.map((_, index) => sum(arrays.map((array) => array[index]!)));
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function groupedBy<K>(steps: v1.Step[], keyOf: (step: v1.Step) => K): Map<K, v1.Step[]> {
  const groups = new Map<K, v1.Step[]>();
  for (const step of steps) groups.set(keyOf(step), [...(groups.get(keyOf(step)) ?? []), step]);
  return groups;
}
