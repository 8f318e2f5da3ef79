// Steps, ranks and buckets that property tests draw: every field absent, empty or at its limits, in any order.
//
// Numbers that are no integers are multiples of 1/1024, so that their sums are exact in whatever order they are added up.
import type { v1 } from "@moescope/proto";
import fc from "fast-check";

type Step = v1.Step.$Properties;
type Bucket = v1.StepBucket.$Properties;

const uint32 = fc.oneof(fc.nat({ max: 3 }), fc.constant(2 ** 32 - 1));
const uint64 = fc.oneof(fc.constant(0), fc.nat({ max: 1000 }), fc.constant(Number.MAX_SAFE_INTEGER));
const fraction = fc.nat({ max: 2 ** 20 }).map((value) => value / 1024);
const value = fc.oneof(
  fc.integer({ min: -(2 ** 30), max: 2 ** 30 }).map((whole) => whole / 1024),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0),
);
const numbers = (length: number, item: fc.Arbitrary<number>) =>
  fc.array(item, { minLength: length, maxLength: length });
/** A field of a number for each expert. */
const given = (experts: number, item: fc.Arbitrary<number>): fc.Arbitrary<number[]> =>
  fc.oneof(fc.constant<number[]>([]), numbers(experts, item));
const someOf = <T>(items: readonly T[]) => fc.shuffledSubarray([...items]);

const scalars = fc.array(
  fc.record({ name: fc.constantFrom("loss", "", "b", "a", "ä", "𝛼"), value }, { requiredKeys: [] }),
  { maxLength: 6 },
);

/** A run's layers, each with its number of experts. */
export type Shape = readonly { layer: number; experts: number }[];
export const shapes: fc.Arbitrary<Shape> = fc.uniqueArray(
  fc.record({ layer: fc.oneof(fc.nat({ max: 5 }), fc.constant(2 ** 32 - 1)), experts: fc.nat({ max: 9 }) }),
  { selector: ({ layer }) => layer, maxLength: 4 },
);
const categories = fc.uniqueArray(fc.oneof(fc.nat({ max: 3 }), fc.constant(65_535)), { maxLength: 4 });

function routingOf(category: number, experts: number): fc.Arbitrary<v1.CategoryRouting.$Properties> {
  const fields = {
    category: fc.constant(category),
    counts: numbers(experts, uint32),
    tokens: uint64,
    dropped: uint64,
    gateMass: given(experts, fraction),
    meanProbability: given(experts, fraction),
    droppedCounts: given(experts, uint32),
    assignments: uint64,
  };
  return fc.record(fields, { requiredKeys: ["category", "counts"] });
}

function histogramOf({ layer, experts }: Shape[number]): fc.Arbitrary<v1.RoutingHistogram.$Properties> {
  const fields = {
    layer: fc.constant(layer),
    categories: categories.chain((chosen) => fc.tuple(...chosen.map((category) => routingOf(category, experts)))),
    selectionBias: given(experts, fraction),
    gateMass: given(experts, fraction),
    meanProbability: given(experts, fraction),
  };
  return fc.record(fields, { requiredKeys: ["layer"] });
}

/** A step of one rank: some layers of the run, some of them without any category. */
export function stepOf(shape: Shape, changes: Step = {}): fc.Arbitrary<Step> {
  const fields = {
    tokens: uint64,
    time: fraction,
    scalars,
    histograms: someOf(shape).chain((layers) => fc.tuple(...layers.map(histogramOf))),
  };
  return fc.record(fields, { requiredKeys: [] }).map((step) => ({ ...step, ...changes }));
}

/** One step of several ranks, in two orders of their arrival. */
export const ranksOfStep: fc.Arbitrary<[Step[], Step[]]> = fc
  .tuple(shapes, fc.uniqueArray(uint32, { minLength: 1, maxLength: 4 }))
  .chain(([shape, ranks]) => fc.tuple(...ranks.map((rank) => stepOf(shape, { rank, step: 7 }))))
  .chain((steps) => fc.tuple(fc.constant(steps), fc.shuffledSubarray(steps, { minLength: steps.length })));

/** Steps that follow each other, of one rank. */
export const steps: fc.Arbitrary<Step[]> = shapes.chain((shape) =>
  fc
    .array(stepOf(shape), { minLength: 1, maxLength: 6 })
    .map((messages) => messages.map((message, step) => ({ ...message, step }))),
);

function summaryOf(name: string): fc.Arbitrary<v1.ScalarSummary.$Properties> {
  const finite = value.filter((number) => !Number.isNaN(number));
  const fields = {
    ...{ name: fc.constant(name), values: fc.nat({ max: 9 }), sum: value, first: finite, min: finite },
    ...{ max: finite, last: finite, nanValues: fc.nat({ max: 9 }) },
  };
  return fc.record(fields, { requiredKeys: ["name"] });
}

function layerOf({ layer, experts }: Shape[number]): fc.Arbitrary<v1.LayerSummary.$Properties> {
  const load = (category: number) => {
    const counts = { counts: given(experts, uint32), droppedCounts: given(experts, uint32) };
    const fields = { category: fc.constant(category), tokens: uint64, dropped: uint64, ...counts };
    return fc.record(fields, { requiredKeys: ["category"] });
  };
  const extremes = fc.oneof(
    fc.constant<[number[], number[]]>([[], []]),
    fc.tuple(numbers(experts, uint32), numbers(experts, uint32)),
  );
  const fields = {
    ...{ layer: fc.constant(layer), maxViolation: summaryOf("max_violation"), deadExperts: uint32, tokens: uint64 },
    categories: categories.chain((chosen) => fc.tuple(...chosen.map(load))),
    ...{ dropped: uint64, selectionBias: given(experts, fraction), gateMass: given(experts, fraction) },
    ...{ meanProbability: given(experts, fraction), probabilityTokens: uint64 },
  };
  return fc
    .tuple(fc.record(fields, { requiredKeys: ["layer"] }), extremes)
    .map(([summary, [countsMin, countsMax]]) => ({ ...summary, countsMin, countsMax }));
}

function bucketOf(shape: Shape): fc.Arbitrary<Bucket> {
  const fields = {
    ...{ tokens: uint64, time: fraction, attempt: uint32, ranks: uint32 },
    scalars: someOf(["loss", "b", "a", "𝛼"]).chain((names) => fc.tuple(...names.map(summaryOf))),
    layers: someOf(shape).chain((layers) => fc.tuple(...layers.map(layerOf))),
  };
  return fc.record(fields, { requiredKeys: [] });
}

/** Buckets that follow each other, as a collector answers them or otherwise. */
export const buckets: fc.Arbitrary<Bucket[]> = shapes
  .chain((shape) => fc.array(bucketOf(shape), { minLength: 1, maxLength: 6 }))
  .map((drawn) =>
    drawn.map((bucket, index) => ({ ...bucket, firstStep: 4 * index, lastStep: 4 * index + 2, steps: 3 })),
  );
