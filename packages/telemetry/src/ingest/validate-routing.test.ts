// The rules of step.proto, held against every kind of layer, category and sender.
import { v1 } from "@moescope/proto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { receivedStep } from "../testing/received.ts";
import type { Refusal } from "./refusal.ts";
import { checkStep } from "./validate.ts";

const { Reason } = v1.Rejection;
const CATEGORIES = ["code", "docs", "maths"];

type Layer = v1.MoeLayer.$Properties & { index: number; experts: number; topK: number; expertsChoose: boolean };
type Routing = v1.CategoryRouting.$Properties & { counts: number[]; tokens: number };
type Changed = (histogram: v1.RoutingHistogram.$Properties & { categories: Routing[] }) => void;

const whole = (max: number) => fc.integer({ min: 0, max });

/** Experts differ from layer to layer, top_k is 0 where it varies. */
const layer: fc.Arbitrary<Layer> = fc
  .record({ index: whole(2 ** 32 - 1), experts: fc.integer({ min: 1, max: 40 }), expertsChoose: fc.boolean() })
  .chain((drawn) => whole(drawn.experts).map((topK) => ({ ...drawn, topK })));

/** What a layer's router chose for some tokens, as protocol 2 says it. */
function chosen({ experts, topK, expertsChoose }: Layer): fc.Arbitrary<Routing> {
  const fixed = topK > 0 && !expertsChoose;
  return fc
    .record({
      counts: fc.array(whole(2 ** 32 - 1), { minLength: experts, maxLength: experts }),
      tokens: whole(2 ** 40),
      dropShares: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: experts, maxLength: experts }),
      ...{ drops: fc.boolean(), saysDropped: fc.boolean(), saysAssignments: fc.boolean() },
    })
    .map(({ counts, tokens, dropShares, drops, saysDropped, saysAssignments }) => {
      const made = fixed ? madeMultiple(counts, topK) : counts;
      const droppedCounts = drops ? made.map((count, expert) => Math.floor(count * dropShares[expert]!)) : [];
      return {
        ...{ counts: made, droppedCounts, tokens: fixed ? sum(made) / topK : tokens },
        ...(saysDropped && { dropped: sum(droppedCounts) }),
        ...((saysAssignments || topK === 0) && { assignments: sum(made) }),
      };
    });
}

/** Protocol 1: what was dropped is not in the counts. */
function kept(layer: Layer): fc.Arbitrary<Routing> {
  return chosen(layer).map(({ counts, droppedCounts = [], tokens }) => {
    const carriedOut = counts.map((count, expert) => count - (droppedCounts?.[expert] ?? 0));
    return { counts: carriedOut, tokens, dropped: sum(droppedCounts ?? []) };
  });
}

function madeMultiple(counts: number[], factor: number): number[] {
  const rest = sum(counts) % factor;
  const at = counts.findIndex((count) => count >= rest);
  if (at < 0) return counts.map(() => 0);
  return counts.map((count, expert) => (expert === at ? count - rest : count));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Where experts choose, tokens of the last category make up for those of the others. */
function evened(layer: Layer, categories: Routing[]): Routing[] {
  if (!layer.expertsChoose || layer.topK === 0 || categories.length === 0) return categories;
  const [last, ...others] = categories.toReversed();
  const assigned = sum(
    categories.map(({ counts, droppedCounts, dropped }) => {
      return sum(counts) + (droppedCounts?.length ? 0 : (dropped ?? 0));
    }),
  );
  const tokens = assigned / layer.topK - sum(others.map(({ tokens }) => tokens));
  return [...others.toReversed(), { ...last!, tokens }];
}

function floats(experts: number): fc.Arbitrary<number[]> {
  return fc.oneof(fc.constant<number[]>([]), fc.array(fc.float(), { minLength: experts, maxLength: experts }));
}

interface Sent {
  layer: Layer;
  histogram: v1.RoutingHistogram.$Properties & { categories: Routing[] };
}

function sentOf(routing: (layer: Layer) => fc.Arbitrary<Routing>): fc.Arbitrary<Sent> {
  return layer.chain((layer) => {
    const { experts } = layer;
    return fc
      .record({
        routings: fc.array(routing(layer), { maxLength: CATEGORIES.length }),
        ...{ selectionBias: floats(experts), gateMass: floats(experts), meanProbability: floats(experts) },
      })
      .map(({ routings, ...arrays }) => {
        const categories = evened(layer, routings).map((entry, category) => ({ category, ...entry }));
        return { layer, histogram: { layer: layer.index, categories, ...arrays } };
      })
      .filter(({ histogram }) => histogram.categories.every(({ tokens }) => Number.isInteger(tokens) && tokens >= 0));
  });
}

function check({ layer, histogram }: Sent): Refusal | undefined {
  const run = new v1.RunDescription({ id: "run", layers: [layer], categories: CATEGORIES, ranks: 1 });
  return checkStep(receivedStep({ run: run.id, step: 7, split: v1.Split.TRAIN, histograms: [histogram] }), run);
}

function accepts(sent: Sent): void {
  expect(check(sent)).toBeUndefined();
}

/** @param least with which the change means something */
function refused(change: Changed, least: (sent: Sent) => boolean, reason: v1.Rejection.Reason, words: RegExp): void {
  const sent = sentOf(chosen).filter((sent) => sent.histogram.categories.length > 0 && least(sent));
  fc.assert(
    fc.property(sent, (sent) => {
      expect(check(sent)).toBeUndefined();
      change(sent.histogram);
      expect(check(sent)).toEqual({ reason, message: expect.stringMatching(words) });
    }),
  );
}

describe("accepted", () => {
  test("what routers choose, dropped ones in it, on layers of every kind", () => {
    fc.assert(fc.property(sentOf(chosen), accepts));
  });

  test("what protocol 1 says of it, where a token has a fixed number of experts", () => {
    const sent = sentOf(kept).filter(({ layer }) => layer.topK > 0);
    fc.assert(fc.property(sent, accepts));
  });

  test("gate mass and probabilities of categories, which may be no numbers as those of layers may", () => {
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0];
    const layer = { index: 1, experts: 4, topK: 1, expertsChoose: false };
    const categories = [{ counts: [1, 0, 0, 0], tokens: 1, gateMass: odd, meanProbability: odd }];
    expect(check({ layer, histogram: { layer: 1, categories, selectionBias: odd } })).toBeUndefined();
    const ofLayer = [{ counts: [1, 0, 0, 0], tokens: 1 }];
    const histogram = { layer: 1, categories: ofLayer, gateMass: odd, meanProbability: odd };
    expect(check({ layer, histogram })).toBeUndefined();
  });

  test("tokens that were generated in training by reinforcement", () => {
    const run = new v1.RunDescription({ id: "run" });
    expect(checkStep(receivedStep({ split: v1.Split.ROLLOUT }), run)).toBeUndefined();
  });
});

describe("refused", () => {
  const any = () => true;
  const fixed = ({ layer }: Sent) => layer.topK > 0 && !layer.expertsChoose;
  const hasDrops = ({ histogram }: Sent) => (histogram.categories[0]!.droppedCounts ?? []).length > 0;

  test("a count more or less than top_k × tokens", () => {
    const words = /^step 7, layer \d+, category code: \d+ assigned, but top_k × tokens is \d+ × \d+ = \d+$/;
    const sends = (sent: Sent) => fixed(sent) && !sent.histogram.categories[0]!.assignments;
    refused((it) => it.categories[0]!.tokens++, sends, Reason.COUNTS_DO_NOT_ADD_UP, words);
  });

  test("a count more or less than top_k × tokens of the layer, where experts choose", () => {
    const words = /^step 7, layer \d+: \d+ assigned, but top_k × tokens is \d+ × \d+ = \d+$/;
    const choose = ({ layer }: Sent) => layer.topK > 0 && layer.expertsChoose;
    refused((it) => it.categories[0]!.tokens++, choose, Reason.COUNTS_DO_NOT_ADD_UP, words);
  });

  test("assignments that are not the sum of counts", () => {
    const words = /category code: assignments is \d+, but counts add up to \d+$/;
    const change: Changed = ({ categories: [first] }) => {
      first!.assignments = sum(first!.counts) + 1;
    };
    refused(change, any, Reason.COUNTS_DO_NOT_ADD_UP, words);
  });

  test("no assignments where top_k varies", () => {
    const varies = ({ layer, histogram }: Sent) => layer.topK === 0 && sum(histogram.categories[0]!.counts) > 0;
    const words = /assignments is 0, but counts add up to \d+$/;
    refused((it) => delete it.categories[0]!.assignments, varies, Reason.COUNTS_DO_NOT_ADD_UP, words);
  });

  test("more dropped than chosen of an expert", () => {
    const words = /dropped_counts of expert 0 is \d+, more than its count of \d+$/;
    const change: Changed = ({ categories: [first] }) => {
      first!.droppedCounts![0] = first!.counts[0]! + 1;
    };
    const canBe = (sent: Sent) => hasDrops(sent) && sent.histogram.categories[0]!.counts[0]! < 2 ** 32 - 1;
    refused(change, canBe, Reason.COUNTS_DO_NOT_ADD_UP, words);
  });

  test("dropped that are not the sum of dropped_counts", () => {
    const change: Changed = ({ categories: [first] }) => {
      first!.dropped = sum(first!.droppedCounts!) + 1;
    };
    refused(change, hasDrops, Reason.COUNTS_DO_NOT_ADD_UP, /dropped is \d+, but dropped_counts add up to \d+$/);
  });

  test("dropped without dropped_counts where top_k varies: nothing says how many were chosen", () => {
    const change: Changed = ({ categories: [first] }) => Object.assign(first!, { droppedCounts: [], dropped: 1 });
    const words = /dropped is 1 without dropped_counts, expected both where top_k is 0/;
    refused(change, ({ layer }) => layer.topK === 0, Reason.COUNTS_DO_NOT_ADD_UP, words);
  });

  test.each(["counts", "droppedCounts", "gateMass", "meanProbability"] as const)(
    "%s of a category for more experts than the layer has",
    (name) => {
      const change: Changed = ({ categories: [first] }) => {
        first![name] = Array(first!.counts.length + 1).fill(0);
      };
      const words = new RegExp(`category code: ${snake(name)} has \\d+ values, the layer has \\d+ experts$`);
      refused(change, any, Reason.WRONG_EXPERTS, words);
    },
  );

  test.each(["selectionBias", "gateMass", "meanProbability"] as const)(
    "%s of a layer for more experts than it has",
    (name) => {
      const change: Changed = (it) => {
        it[name] = Array(it.categories[0]!.counts.length + 1).fill(0);
      };
      const words = new RegExp(`layer \\d+: ${snake(name)} has \\d+ values, the layer has \\d+ experts$`);
      refused(change, any, Reason.WRONG_EXPERTS, words);
    },
  );

  test.each(["gateMass", "meanProbability"] as const)("%s both of the layer and of a category", (name) => {
    const change: Changed = (it) => {
      it[name] = it.categories[0]!.counts.map(() => 0.5);
      it.categories[0]![name] = it.categories[0]!.counts.map(() => 0.5);
    };
    const words = new RegExp(`category code: ${snake(name)} is given for the layer too, expected for one of them`);
    refused(change, any, Reason.MALFORMED, words);
  });
});

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
