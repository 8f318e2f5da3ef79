// What step.proto demands of routing histograms, checked on the bytes that a collector would read. Knows nothing of how they are made.
import { v1 } from "@moescope/proto";

const LARGEST_COUNT = 2 ** 32 - 1;
/** Mean probabilities are sums in float32, and a sigmoid's are divided by a sum of their own. */
const SHARE_TOLERANCE = 1e-4;

/**
 * @param layers as the run is described
 * @returns what does not hold, in words; empty when everything does
 */
export function brokenLaws(histograms: v1.RoutingHistogram.$Properties[], layers: readonly v1.MoeLayer[]): string[] {
  const read = v1.Step.decode(v1.Step.encode({ histograms }).finish());
  return read.histograms.flatMap((histogram) => {
    const layer = layers.find(({ index }) => index === histogram.layer);
    if (!layer) return [`layer ${histogram.layer} is not described`];
    const laws = [
      ...lawsOfLayer(histogram as v1.RoutingHistogram, layer),
      ...histogram.categories.flatMap(lawsOf(layer)),
    ];
    return laws.flatMap(({ holds, law }) => (holds ? [] : [`layer ${layer.index}: ${law}`]));
  });
}

interface Law {
  holds: boolean;
  law: string;
}

function lawsOfLayer(
  { categories, selectionBias, gateMass, meanProbability }: v1.RoutingHistogram,
  layer: v1.MoeLayer,
): Law[] {
  const { experts, topK, expertsChoose } = layer;
  const order = categories.map(({ category }) => category);
  const assigned = sum(categories.map(({ counts }) => sum(counts)));
  const tokens = sum(categories.map((category) => category.tokens));
  const shares = sum(meanProbability);
  return [
    { holds: order.every((category, i) => i === 0 || category > order[i - 1]!), law: `categories ${order} ascend` },
    { holds: [0, experts].includes(selectionBias.length), law: `${selectionBias.length} biases, or none` },
    { holds: gateMass.length === experts && gateMass.every((mass) => mass >= 0), law: `gate masses ${gateMass}` },
    { holds: meanProbability.length === experts, law: `${meanProbability.length} mean probabilities` },
    { holds: Math.abs(shares - 1) < SHARE_TOLERANCE, law: `mean probabilities add up to 1, not ${shares}` },
    {
      holds: !expertsChoose || topK === 0 || assigned === topK * tokens,
      law: `${assigned} assigned, top-k × tokens is ${topK} × ${tokens}`,
    },
  ];
}

function lawsOf({ experts, topK, expertsChoose }: v1.MoeLayer): (routing: v1.CategoryRouting) => Law[] {
  return ({ category, counts, tokens, droppedCounts, assignments, dropped, gateMass, meanProbability }) => {
    const assigned = sum(counts);
    const isFixed = topK > 0 && !expertsChoose;
    const isCount = (n: number) => Number.isSafeInteger(n) && n >= 0 && n <= LARGEST_COUNT;
    return [
      { holds: counts.length === experts, law: `${counts.length} counts` },
      { holds: counts.every(isCount), law: `counts ${counts} are whole` },
      {
        holds: counts.every((n) => n <= tokens),
        law: `no expert is chosen more often than ${tokens} tokens are there`,
      },
      { holds: tokens > 0, law: "no category without tokens" },
      { holds: droppedCounts.every((n, expert) => n <= counts[expert]!), law: `dropped ${droppedCounts} of ${counts}` },
      { holds: droppedCounts.length === 0 || sum(droppedCounts) > 0, law: "nothing is said of no drops" },
      { holds: [0, experts].includes(droppedCounts.length), law: `${droppedCounts.length} dropped counts, or none` },
      {
        holds: !isFixed || assigned === topK * tokens,
        law: `${assigned} assigned, top-k × tokens is ${topK} × ${tokens}`,
      },
      { holds: isFixed || assignments === assigned, law: `${assigned} assigned, but assignments is ${assignments}` },
      { holds: dropped + gateMass.length + meanProbability.length === 0, law: "nothing of protocol 1" },
    ].map(({ holds, law }) => ({ holds, law: `category ${category}: ${law}` }));
  };
}

function sum(values: ArrayLike<number>): number {
  return Array.from(values).reduce((total, value) => total + value, 0);
}
