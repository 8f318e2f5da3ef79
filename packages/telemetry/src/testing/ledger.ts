// What was sent, by whom, held against what a collector has stored: every message once and as it was, sums over ranks exact.
import { maxViolation, sumHistograms } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { expect } from "vitest";
import type { Collector } from "../index.ts";
import { asStored } from "../store/writing/gates.ts";
import { get, getHistory } from "./collector.ts";
import { delimited } from "./delimited.ts";

type Message = { step: v1.Step } | { end: v1.RunEnd };

export class Ledger {
  readonly #runs = new Map<string, { description: v1.RunDescription; streams: Map<string, Message[]> }>();

  /** Writes down the next message of a rank. */
  add(run: v1.RunDescription, message: Message): void {
    const entry = this.#runs.get(run.id) ?? { description: run, streams: new Map<string, Message[]>() };
    this.#runs.set(run.id, entry);
    append(entry.streams, streamOf(message), message);
  }

  /** Messages written down. */
  get size(): number {
    const streams = [...this.#runs.values()].flatMap(({ streams }) => [...streams.values()]);
    return streams.reduce((sum, messages) => sum + messages.length, 0);
  }

  /** Holds all of it against the store: message by message, and added up, from single steps and from rollups. */
  async expectStored(collector: Pick<Collector, "httpAddress">): Promise<void> {
    for (const { description, streams } of this.#runs.values()) {
      const stored = await storedMessages(collector, description.id);
      expect(lengthsOf(stored)).toEqual(lengthsOf(streams));
      for (const [key, messages] of streams) expectSame(stored.get(key)!, messages, description);
      for (const points of [2000, 3]) await this.#expectSums(collector, description, points);
    }
  }

  async #expectSums(collector: Pick<Collector, "httpAddress">, run: v1.RunDescription, points: number): Promise<void> {
    const { buckets, bucketWidth } = await getHistory(collector, run.id, `layers=all&points=${points}`);
    const stored = buckets.map(({ firstStep, steps, ranks, layers }) => {
      return { from: Math.floor(firstStep / bucketWidth) * bucketWidth, steps, ranks, layers: layers.map(storedLayer) };
    });
    expect(stored).toEqual(this.#sums(run, bucketWidth));
  }

  /** What history should answer: at every step the newest attempt that has begun by then. */
  #sums({ id }: v1.RunDescription, width: number) {
    const steps = [...this.#runs.get(id)!.streams.values()].flat().flatMap((message) => stepOf(message) ?? []);
    const firstSteps = new Map<number, number>();
    for (const { attempt, step } of steps) {
      firstSteps.set(attempt, Math.min(step, firstSteps.get(attempt) ?? Number.POSITIVE_INFINITY));
    }
    const shownAt = (step: number) =>
      Math.max(...[...firstSteps].filter(([, first]) => first <= step).map(([attempt]) => attempt));
    const shown = steps.filter(({ attempt, step }) => attempt === shownAt(step));
    return inOrder(grouped(shown, ({ step }) => Math.floor(step / width) * width)).map(([from, messages]) => {
      const steps = grouped(messages, ({ step }) => step);
      const ranks = Math.min(...[...steps.values()].map((of) => of.length));
      return { from, steps: steps.size, ranks, layers: sentLayers([...steps.values()]) };
    });
  }
}

/** Messages by rank and attempt, in the order of their numbers. */
async function storedMessages(collector: Pick<Collector, "httpAddress">, run: string): Promise<Map<string, Message[]>> {
  const answer = await get(collector, `/api/v1/runs/${run}/messages`);
  expect(answer.status).toBe(200);
  const streams = new Map<string, Message[]>();
  for await (const bytes of delimited(answer.body!)) {
    const { step, end } = v1.ReportRequest.decode(bytes);
    const message = step ? { step } : end ? { end } : undefined;
    if (message === undefined) continue; // the description
    append(streams, streamOf(message), message);
  }
  return streams;
}

function append<Key, Item>(lists: Map<Key, Item[]>, key: Key, item: Item): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

function streamOf(message: Message): string {
  const { rank, attempt } = "step" in message ? message.step : message.end;
  return `rank ${rank}, attempt ${attempt}`;
}

function stepOf(message: Message): v1.Step | undefined {
  return "step" in message && message.step.split === v1.Split.TRAIN ? message.step : undefined;
}

function lengthsOf(streams: Map<string, Message[]>): Record<string, number> {
  return Object.fromEntries([...streams].map(([key, messages]) => [key, messages.length]));
}

/** Bytes are compared first: showing what differs takes its time. */
function expectSame(stored: readonly Message[], sent: readonly Message[], run: v1.RunDescription): void {
  for (const [index, message] of sent.entries()) {
    const [a, b] = [encoded(stored[index]!, run), encoded(message, run)];
    if (Buffer.compare(a, b) === 0) continue;
    expect(v1.ReportRequest.toObject(v1.ReportRequest.decode(a))).toEqual(
      v1.ReportRequest.toObject(v1.ReportRequest.decode(b)),
    );
  }
}

/** The store keeps one selection bias for all ranks of a step, so that of several is left out. */
function encoded(message: Message, { ranks }: v1.RunDescription): Uint8Array {
  if ("end" in message) return v1.ReportRequest.encode(message).finish();
  const step = v1.Step.decode(v1.Step.encode(message.step).finish());
  asStored(step);
  if (ranks > 1) for (const histogram of step.histograms) histogram.selectionBias = [];
  return v1.ReportRequest.encode({ step }).finish();
}

/** @param steps the messages of all ranks for each step */
function sentLayers(steps: readonly v1.Step[][]) {
  const histograms = grouped(
    steps.flat().flatMap((step) => step.histograms),
    ({ layer }) => layer,
  );
  return inOrder(histograms).map(([layer, of]) => {
    const routings = of.flatMap((histogram) => histogram.categories);
    const categories = inOrder(grouped(routings, ({ category }) => category)).map(([, same]) => added(same));
    const violations = steps.map((messages) => {
      const ofLayer = messages.flatMap((step) => step.histograms).filter((histogram) => histogram.layer === layer);
      return maxViolation(
        sumHistograms(ofLayer.flatMap((histogram) => histogram.categories.map(({ counts }) => counts))),
      );
    });
    const [tokens, dropped] = [total(routings, (each) => each.tokens), total(routings, (each) => each.dropped)];
    return { layer, tokens, dropped, categories, ...summaryOf(violations) };
  });
}

function summaryOf(violations: readonly number[]) {
  const sum = rounded(violations.reduce((a, b) => a + b, 0));
  return { steps: violations.length, sum, least: Math.min(...violations), most: Math.max(...violations) };
}

function storedLayer({ layer, tokens, dropped, categories, maxViolation: { values, sum, min, max } }: v1.LayerSummary) {
  const loads = categories.map(({ category, counts, tokens, dropped }) => ({
    category,
    counts: [...counts],
    tokens,
    dropped,
  }));
  return { layer, tokens, dropped, categories: loads, steps: values, sum: rounded(sum), least: min, most: max };
}

function added(routings: readonly v1.CategoryRouting[]) {
  const { category, counts } = routings[0]!;
  return {
    category,
    counts: Array.from(counts, (_, expert) => total(routings, (routing) => routing.counts[expert]!)),
    tokens: total(routings, ({ tokens }) => tokens),
    dropped: total(routings, ({ dropped }) => dropped),
  };
}

function total<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}

/** A sum of fractions depends on the order they are added up in. */
function rounded(sum: number): number {
  return Number(sum.toPrecision(12));
}

function grouped<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) append(groups, keyOf(item), item);
  return groups;
}

function inOrder<Item>(groups: Map<number, Item>): [number, Item][] {
  return [...groups].sort(([a], [b]) => a - b);
}
