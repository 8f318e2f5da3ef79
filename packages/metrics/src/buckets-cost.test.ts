// Adding up takes as much work as there is to add up: reads are counted, not seconds.
import type { v1 } from "@moescope/proto";
import { expect, test } from "vitest";
import { addBucket, addRank } from "./index.ts";

type Bucket = v1.StepBucket.$Properties;
type Step = v1.Step.$Properties;

/** Counts how often an item of a list is looked at, or the key of one. */
class Reads {
  count = 0;

  of<Item extends object>(list: readonly Item[]): Item[] {
    const counted: ProxyHandler<Item> = { get: (item, field) => this.#counted(Reflect.get(item, field)) };
    const items = list.map((item) => new Proxy(item, counted));
    return new Proxy(items, { get: (all, index) => this.#counted(Reflect.get(all, index)) });
  }

  #counted<Value>(value: Value): Value {
    this.count++;
    return value;
  }
}

const orders = {
  "in the same order": (keys: number[]) => keys,
  "in the opposite order": (keys: number[]) => keys.toReversed(),
  shuffled: (keys: number[]) => keys.map((key) => (key * 7919) % keys.length),
  "of which none is known": (keys: number[]) => keys.map((key) => key + keys.length),
  "of which every other is known": (keys: number[]) => keys.map((key) => 2 * key),
};

/** In the order of the keys. */
const name = (key: number) => String(key).padStart(9, "0");

const bucketParts: Record<string, (keys: number[], reads: Reads) => Bucket> = {
  scalars: (keys, reads) => ({ scalars: reads.of(keys.map((key) => ({ name: name(key), values: 1 }))) }),
  layers: (keys, reads) => ({ layers: reads.of(keys.map((layer) => ({ layer }))) }),
  categories: (keys, reads) => ({
    layers: [{ categories: reads.of(keys.map((category) => ({ category, counts: [1] }))) }],
  }),
};

const stepParts: Record<string, (keys: number[], reads: Reads) => Step> = {
  scalars: (keys, reads) => ({ scalars: reads.of(keys.map((key) => ({ name: name(key), value: 1 }))) }),
  layers: (keys, reads) => ({ histograms: reads.of(keys.map((layer) => ({ layer }))) }),
  categories: (keys, reads) => ({
    histograms: [{ categories: reads.of(keys.map((category) => ({ category, counts: [1] }))) }],
  }),
};

/** Reads of a sum's parts are counted as well. */
function watched(bucket: v1.StepBucket, reads: Reads): v1.StepBucket {
  bucket.scalars = reads.of(bucket.scalars);
  bucket.layers = reads.of(
    bucket.layers.map((layer) => ({ ...layer, categories: reads.of(layer.categories) }) as v1.LayerSummary),
  );
  return bucket;
}

function readsOfBuckets(part: string, order: (keys: number[]) => number[], parts: number): number {
  const [keys, reads] = [[...Array(parts).keys()], new Reads()];
  const sum = watched(addBucket(undefined, bucketParts[part]!(keys, new Reads())), reads);
  addBucket(sum, bucketParts[part]!(order(keys), reads));
  return reads.count;
}

function readsOfRanks(part: string, order: (keys: number[]) => number[], parts: number): number {
  const [keys, reads] = [[...Array(parts).keys()], new Reads()];
  const first = addRank(stepParts[part]!(keys, new Reads()));
  watched(first.bucket, reads);
  addRank({ rank: 1, ...stepParts[part]!(order(keys), reads) }, first);
  return reads.count;
}

const cases = Object.keys(bucketParts).flatMap((part) => Object.keys(orders).map((order) => [part, order] as const));

test.each(cases)("twice as many %s %s are twice as much to read", (part, name) => {
  const order = orders[name as keyof typeof orders];
  for (const reads of [readsOfBuckets, readsOfRanks]) {
    const [once, twice] = [reads(part, order, 1009), reads(part, order, 2018)];
    expect(once).toBeGreaterThan(1009);
    expect(twice / once).toBeLessThan(2.01);
  }
});
