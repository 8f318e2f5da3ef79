// Validation: loss and routing over the held-out batches, with the selection bias frozen.
import { deadExperts, maxViolation, totalLoad } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import type { Corpus } from "../data/corpus.ts";
import { workingLoadsOf } from "../moe/routing-counts.ts";
import type { Measured } from "./measured-batch.ts";
import type { TrainStep } from "./train-step.ts";

export interface Evaluation {
  /** Mean cross-entropy, nats a token. */
  loss: number;
  /** MaxVio of the counts summed over all batches (global), mean over layers. Identity experts are left out. */
  maxViolation: number;
  /** Layer-expert pairs that are dead over all batches, identity experts left out. */
  deadExperts: number;
  dropped: number;
  scalars: v1.Scalar.$Properties[];
  /** Sums over all batches. */
  histograms: v1.RoutingHistogram.$Properties[];
}

export function evaluate(trainer: TrainStep, corpus: Corpus): Evaluation {
  const measured = corpus.validation.map((batch) => trainer.evaluate(batch));
  const histograms = measured
    .map((batch) => batch.histograms)
    .reduce((sum, batch) => sum.map((h, i) => addTo(h, batch[i]!)));
  const loads = histograms.map((histogram, place) => workingLoadsOf(histogram, trainer.layers[place]!));
  const loss = meanCrossEntropy(measured);
  return {
    loss,
    maxViolation: mean(loads.map(maxViolation)),
    deadExperts: loads.reduce((sum, load) => sum + deadExperts(load).length, 0),
    dropped: totalLoad(histograms.map(droppedOf)),
    scalars: [{ name: "loss", value: loss }, ...categoryLosses(measured, corpus.categories)],
    histograms,
  };
}

/** Over all predicted tokens: batches with more image patches predict fewer. */
function meanCrossEntropy(measured: readonly Measured[]): number {
  const predicted = measured.map(({ categoryLoss }) => categoryLoss.reduce((sum, { tokens }) => sum + tokens, 0));
  const total = predicted.reduce((sum, tokens) => sum + tokens, 0);
  return measured.reduce((sum, { crossEntropy }, i) => sum + crossEntropy * (predicted[i]! / total), 0);
}

/** Mean cross-entropy of each category's predicted tokens, in nats; categories without any are left out. */
function categoryLosses(measured: readonly Measured[], categories: readonly string[]): v1.Scalar.$Properties[] {
  return categories.flatMap((category, index) => {
    const sums = measured.map(({ categoryLoss }) => categoryLoss[index]!);
    const tokens = sums.reduce((total, sum) => total + sum.tokens, 0);
    const value = sums.reduce((total, { sum }) => total + sum, 0) / tokens;
    return tokens > 0 ? [{ name: `loss/category/${category}`, value }] : [];
  });
}

function droppedOf({ categories }: v1.RoutingHistogram.$Properties): number {
  return totalLoad(categories!.flatMap(({ droppedCounts }) => droppedCounts ?? []));
}

/** Adds the second histogram to the first: counts and gate mass add up, mean probabilities are weighted by tokens. */
function addTo(
  sum: v1.RoutingHistogram.$Properties,
  other: v1.RoutingHistogram.$Properties,
): v1.RoutingHistogram.$Properties {
  const categories = [...sum.categories!];
  for (const routing of other.categories!) {
    const at = categories.findIndex(({ category }) => category === routing.category);
    if (at < 0) categories.push(routing);
    else categories[at] = addCategory(categories[at]!, routing);
  }
  const [own, more] = [tokensOf(sum), tokensOf(other)];
  const weighted = (p: number, q: number) => (p * own + q * more) / (own + more);
  return {
    ...sum,
    categories: categories.sort((a, b) => a.category! - b.category!),
    gateMass: added(sum.gateMass!, other.gateMass!),
    meanProbability: sum.meanProbability!.map((p, expert) => weighted(p, other.meanProbability![expert]!)),
  };
}

function addCategory(
  a: v1.CategoryRouting.$Properties,
  b: v1.CategoryRouting.$Properties,
): v1.CategoryRouting.$Properties {
  return {
    category: a.category,
    tokens: a.tokens! + b.tokens!,
    counts: added(a.counts!, b.counts!),
    droppedCounts: added(a.droppedCounts ?? [], b.droppedCounts ?? []),
    ...(a.assignments !== undefined && { assignments: a.assignments + b.assignments! }),
  };
}

function tokensOf({ categories }: v1.RoutingHistogram.$Properties): number {
  return totalLoad(categories!.map(({ tokens }) => tokens!));
}

/** One of the two may be empty. */
function added(a: readonly number[], b: readonly number[]): number[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, expert) => (a[expert] ?? 0) + (b[expert] ?? 0));
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
