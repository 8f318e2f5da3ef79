// History continued in the browser.
import { sumBuckets } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Bucket } from "../data/bucket.ts";
import { syntheticStep } from "../testing/synthetic-run.ts";
import { Timeline } from "./timeline.ts";

test("a timeline fed step by step is what the collector would answer: power-of-two buckets, anchored at 0", () => {
  const timeline = new Timeline(5);
  for (let step = 0; step < 37; step++) expect(timeline.append(syntheticStep(step), true)).toBe("appended");
  expect(timeline.width).toBe(4);
  expect(timeline.buckets.map(({ firstStep, lastStep }) => [firstStep, lastStep])).toEqual([
    [0, 3],
    [4, 7],
    [8, 11],
    [12, 15],
    [16, 19],
    [20, 23],
    [24, 27],
    [28, 31],
    [32, 35],
    [36, 36],
  ]);
  expect(timeline.buckets[2]).toEqual(sumBuckets([8, 9, 10, 11].map((step) => syntheticStep(step))));
});

/** A live step with some layers, some of them without tokens, and sometimes without a loss. */
function liveStep(step: number): fc.Arbitrary<Bucket> {
  const layer = fc.constantFrom("full", "empty", "missing");
  return fc.tuple(layer, layer, fc.boolean()).map(([first, second, hasLoss]) => {
    const full = syntheticStep(step, { layers: [1, 4] });
    const kept = full.layers!.flatMap((summary, place) => {
      const kind = [first, second][place]!;
      return kind === "missing" ? [] : [kind === "full" ? summary : withoutTokens(summary.layer!)];
    });
    return { ...full, layers: kept, scalars: hasLoss ? full.scalars! : [] };
  });
}

function withoutTokens(layer: number): v1.LayerSummary.$Properties {
  const none = Number.NaN;
  const maxViolation = { name: "max_violation", first: none, min: none, max: none, last: none, nanValues: 1 };
  return { layer, maxViolation };
}

test("whatever steps come, a timeline shows the sums that the collector answers for the same steps", () => {
  const run = fc.nat({ max: 60 }).chain((last) => {
    const present = fc.shuffledSubarray([...Array(last + 1).keys()], { minLength: 1 });
    return present.chain((steps) => fc.tuple(...steps.sort((a, b) => a - b).map(liveStep)));
  });
  const property = fc.property(run, fc.integer({ min: 1, max: 9 }), (steps, points) => {
    const timeline = new Timeline(points);
    for (const step of steps) expect(timeline.append(step, false)).toBe("appended");
    const { width } = timeline;
    const slots = new Set(steps.map(({ firstStep }) => Math.floor((firstStep ?? 0) / width)));
    const expected = [...slots].map((slot) => {
      return sumBuckets(steps.filter(({ firstStep }) => Math.floor((firstStep ?? 0) / width) === slot));
    });
    expect(decoded(timeline.buckets)).toEqual(decoded(expected as Bucket[]));
  });
  fc.assert(property, { seed: 20_408_154 });
});

/** As they are after a way over the wire, with every field. */
function decoded(buckets: readonly Bucket[]): unknown {
  const history = v1.History.decode(v1.History.encode({ buckets: [...buckets] }).finish());
  const plain = v1.History.toObject(history, { defaults: true, arrays: true });
  // Sums of numbers that are no integers depend on the order they are added up in.
  return JSON.parse(
    JSON.stringify(plain, (_, item) => (typeof item === "number" ? String(Number(item.toPrecision(12))) : item)),
  );
}

test("a bucket that is shown is never changed", () => {
  const timeline = new Timeline(2);
  const shown = new Map<Bucket, unknown>();
  for (let step = 0; step < 20; step++) {
    timeline.append(syntheticStep(step), true);
    for (const bucket of timeline.buckets) if (!shown.has(bucket)) shown.set(bucket, decoded([bucket]));
  }
  expect(shown.size).toBeGreaterThan(20);
  expect([...shown.keys()].map((bucket) => decoded([bucket]))).toEqual([...shown.values()]);
});

test("a timeline says when history has to be fetched again, and changes nothing then", () => {
  const timeline = new Timeline(5);
  for (let step = 0; step < 3; step++) timeline.append(syntheticStep(step), true);
  expect(timeline.append(syntheticStep(2), true)).toBe("known");
  expect(timeline.append(syntheticStep(5), true)).toBe("gap");
  expect(timeline.append({ ...syntheticStep(1), attempt: 1 }, true)).toBe("rewound");
  expect(timeline.lastStep).toBe(2);
  expect(timeline.append(syntheticStep(9), false)).toBe("appended");
});

test("a step that comes again with more ranks takes the place of the one before", () => {
  const timeline = new Timeline(2);
  const of = (step: number, ranks: number) => ({ ...syntheticStep(step), ranks });
  timeline.append(of(1, 1), false);
  timeline.append(of(2, 1), true);
  expect(timeline.append(of(1, 2), true)).toBe("appended");
  expect(timeline.append(of(1, 1), true)).toBe("known");
  expect(timeline.buckets).toEqual([of(1, 2), of(2, 1)]);
  // It is in a sum by now, which no longer knows it apart.
  for (const step of [3, 4, 5]) timeline.append(of(step, 2), true);
  expect(timeline.width).toBe(2);
  const before = [...timeline.buckets];
  expect(timeline.append(of(2, 2), true)).toBe("late");
  expect(timeline.buckets).toEqual(before);
});
