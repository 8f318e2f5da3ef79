// Steps that tests report, each different from all others, and what a collector must hold of them afterwards.
import { v1 } from "@moescope/proto";
import type { StepReport } from "@moescope/trainer";
import { expect } from "vitest";

const layers = [1, 3];
const experts = 8;

export function sentRun(id: string) {
  return { id, moeLayers: layers, experts, topK: 2, categories: ["code", "docs"], ranks: 1 };
}

/** Counts differ for every attempt, step, layer, category and expert; their sum + dropped = top-k × tokens. */
export function sentStep(index: number, attempt = 0): StepReport {
  const routing = (layer: number, category: number) => {
    const first = attempt * 1_000_000 + index * 100 + layer * 30 + category * 10;
    const counts = Array.from({ length: experts }, (_, expert) => first + expert);
    const assigned = counts.reduce((sum, count) => sum + count, 0);
    const tokens = Math.ceil(assigned / 2);
    return { category, counts, tokens, dropped: tokens * 2 - assigned };
  };
  return {
    step: index,
    tokens: (index + 1) * 64,
    time: 1_700_000_000_000 + index,
    split: v1.Split.TRAIN,
    scalars: [{ name: "loss", value: 5 / (index + 1) }],
    histograms: layers.map((layer) => ({ layer, categories: [routing(layer, 0), routing(layer, 1)] })),
  };
}

/** Steps `from`..`before − 1` of an attempt. */
export interface SentRange {
  attempt: number;
  from: number;
  before: number;
}

/**
 * Exactly these steps are stored, each once, as it was sent.
 *
 * @param http host:port of the collector
 * @param shown the attempt to look at; at every step the newest when absent
 */
export async function expectStored(http: string, run: string, sent: SentRange[], shown?: number): Promise<void> {
  const wanted = sent.flatMap(({ attempt, from, before }) =>
    Array.from({ length: before - from }, (_, offset) => ({ attempt, index: from + offset })),
  );
  const buckets = await storedSteps(http, run, wanted.length === 0 ? 0 : wanted.at(-1)!.index, shown);
  expect(buckets.map(({ attempt, firstStep }) => ({ attempt, index: firstStep }))).toEqual(wanted);
  for (const bucket of buckets) expectStoredOnce(bucket, sentStep(bucket.firstStep, bucket.attempt));
}

const PAGE = 1000;

async function storedSteps(http: string, run: string, last: number, attempt?: number): Promise<v1.StepBucket[]> {
  const buckets: v1.StepBucket[] = [];
  const chosen = attempt === undefined ? "" : `&attempt=${attempt}`;
  // One page more than there should be.
  for (let from = 0; from <= last + PAGE; from += PAGE) {
    const range = `from=${from}&to=${from + PAGE - 1}&points=${PAGE}`;
    const answer = await fetch(`http://${http}/api/v1/runs/${run}/history?layers=all&${range}${chosen}`, {
      headers: { Accept: "application/x-protobuf" },
    });
    expect(answer.status).toBe(200);
    const history = v1.History.decode(new Uint8Array(await answer.arrayBuffer()));
    expect(history.bucketWidth).toBe(1);
    buckets.push(...(history.buckets as v1.StepBucket[]));
  }
  return buckets;
}

function expectStoredOnce(bucket: v1.StepBucket, sent: StepReport): void {
  expect([bucket.lastStep, bucket.steps, bucket.tokens]).toEqual([bucket.firstStep, 1, sent.tokens]);
  const scalars = bucket.scalars.map(({ name, values, sum }) => ({ name, values, sum }));
  expect(scalars).toEqual(sent.scalars!.map(({ name, value }) => ({ name, values: 1, sum: value })));
  const stored = bucket.layers.map(({ layer, categories }) => ({
    layer,
    categories: categories.map(({ category, counts, tokens, dropped }) => ({
      category,
      counts: [...counts],
      tokens,
      dropped,
    })),
  }));
  expect(stored).toEqual(sent.histograms);
}

export async function readSummary(http: string, run: string): Promise<v1.RunSummary> {
  const answer = await fetch(`http://${http}/api/v1/runs/${run}`, { headers: { Accept: "application/x-protobuf" } });
  expect(answer.status).toBe(200);
  return v1.RunSummary.decode(new Uint8Array(await answer.arrayBuffer()));
}
