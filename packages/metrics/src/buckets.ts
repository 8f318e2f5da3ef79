// How buckets of consecutive steps add up to a wider one. Collector and browser use this alone, so both answer the same.
//
// `reduction.ts` in packages/telemetry has the same rules in SQL, for what is stored; a test there holds the two equal.
import type { v1 } from "@moescope/proto";
import { addLayer, toOrdinaryArrays } from "./buckets-layers.ts";
import { ascending, layerOf, merged, nameOf } from "./buckets-order.ts";
import { addSummary } from "./buckets-scalars.ts";

/**
 * Adds the next bucket to the sum of those before it.
 *
 * Steps, counts and gate mass add up; of extremes the furthest is kept. Tokens and attempt are the highest, ranks those of the step that
 * has the fewest; time and selection bias are of the last step. Mean probabilities are weighted by their tokens.
 *
 * @param sum of this function, and changed by it; absent for the first
 * @param next later steps of the same run and split, whose scalars, layers and categories each are there once; it is left as it is
 */
export function addBucket(sum: v1.StepBucket | undefined, next: v1.StepBucket.$Properties): v1.StepBucket {
  const { firstStep = 0, lastStep = 0, steps = 0, tokens = 0, time = 0, attempt = 0, ranks = 0 } = next;
  const all = sum ?? emptyBucket(next, firstStep, ranks);
  all.lastStep = lastStep;
  all.steps += steps;
  all.tokens = Math.max(all.tokens, tokens);
  all.time = time;
  all.attempt = Math.max(all.attempt, attempt);
  all.ranks = Math.min(all.ranks, ranks);
  all.scalars = merged(all.scalars, ascending(next.scalars ?? [], nameOf), nameOf, addSummary);
  all.layers = merged(all.layers, ascending(next.layers ?? [], layerOf), layerOf, addLayer);
  return all;
}

/**
 * The sum of consecutive buckets of a run and split.
 *
 * @param buckets in order of their steps; left as they are
 * @returns a bucket with ordinary arrays, its scalars, layers and categories in ascending order; undefined without buckets
 */
export function sumBuckets(buckets: Iterable<v1.StepBucket.$Properties>): v1.StepBucket | undefined {
  let sum: v1.StepBucket | undefined;
  for (const bucket of buckets) sum = addBucket(sum, bucket);
  sum?.layers.forEach(toOrdinaryArrays);
  return sum;
}

function emptyBucket({ run = "", split = 0 }: v1.StepBucket.$Properties, firstStep: number, ranks: number) {
  return {
    ...{ run, split, firstStep, lastStep: firstStep, steps: 0, tokens: 0, time: 0, attempt: 0 },
    ...{ scalars: [], layers: [], ranks },
  } as unknown as v1.StepBucket;
}
