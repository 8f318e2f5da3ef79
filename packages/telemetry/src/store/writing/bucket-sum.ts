// Adds buckets of steps up into a wider one, as reduction.ts does in SQL: sums are exact, extremes of single steps are kept.
import { accumulate } from "@moescope/metrics";
import { v1 } from "@moescope/proto";

/**
 * Adds the next bucket to the sum of those before it; the sum's own arrays are changed.
 *
 * @param sum absent for the first
 * @param next later steps than those of the sum; nothing of it is kept or changed
 */
export function addBucket(sum: v1.StepBucket | undefined, next: v1.StepBucket): v1.StepBucket {
  if (sum === undefined) return copyOf(next);
  sum.lastStep = next.lastStep;
  sum.steps += next.steps;
  sum.tokens = Math.max(sum.tokens, next.tokens);
  sum.time = next.time;
  sum.ranks = Math.min(sum.ranks, next.ranks);
  for (const scalar of next.scalars) {
    const known = sum.scalars.find(({ name }) => name === scalar.name);
    if (known === undefined) sum.scalars.push(new v1.ScalarSummary(scalar));
    else addSummary(known as v1.ScalarSummary, scalar as v1.ScalarSummary);
  }
  for (let index = 0; index < next.layers.length; index++) {
    const layer = next.layers[index]!;
    const known = sum.layers[index]?.layer === layer.layer ? sum.layers[index] : layerOf(sum, layer.layer!);
    if (known === undefined) sum.layers.push(copyOfLayer(layer as v1.LayerSummary));
    else addLayer(known as v1.LayerSummary, layer as v1.LayerSummary);
  }
  return sum;
}

/** Numbers that a bucket holds in arrays. */
export function numbersIn({ layers }: v1.StepBucket): number {
  const inLayer = (layer: v1.LayerSummary.$Properties) => (layer.categories!.length + 2) * layer.countsMax!.length;
  return layers.reduce((sum, layer) => sum + inLayer(layer), 0);
}

function copyOf(bucket: v1.StepBucket): v1.StepBucket {
  return new v1.StepBucket({
    ...bucket,
    scalars: bucket.scalars.map((scalar) => new v1.ScalarSummary(scalar)),
    layers: bucket.layers.map((layer) => copyOfLayer(layer as v1.LayerSummary)),
  });
}

function copyOfLayer(layer: v1.LayerSummary): v1.LayerSummary {
  return new v1.LayerSummary({
    ...layer,
    maxViolation: new v1.ScalarSummary(layer.maxViolation!),
    categories: layer.categories.map((load) => copyOfLoad(load as v1.CategoryLoad)),
    countsMin: numbers(layer.countsMin),
    countsMax: numbers(layer.countsMax),
    gateMass: numbers(layer.gateMass ?? []),
    meanProbability: numbers(layer.meanProbability ?? []),
  });
}

function copyOfLoad({ category, counts, tokens, dropped, droppedCounts = [] }: v1.CategoryLoad): v1.CategoryLoad {
  const copies = { counts: numbers(counts), droppedCounts: numbers(droppedCounts) };
  return new v1.CategoryLoad({ category, ...copies, tokens, dropped });
}

function addLayer(sum: v1.LayerSummary, next: v1.LayerSummary): void {
  addSummary(sum.maxViolation as v1.ScalarSummary, next.maxViolation as v1.ScalarSummary);
  sum.deadExperts += next.deadExperts;
  sum.tokens += next.tokens;
  sum.dropped += next.dropped;
  sum.selectionBias = next.selectionBias;
  sum.gateMass = added(sum.gateMass, next.gateMass);
  addMeans(sum, next);
  for (const load of next.categories as v1.CategoryLoad[]) {
    const known = sum.categories.find(({ category }) => category === load.category) as v1.CategoryLoad | undefined;
    if (known === undefined) sum.categories.push(copyOfLoad(load));
    else addLoad(known, load);
  }
  // A step without any category of the layer has no load, so it has no part in the extremes.
  if (sum.countsMax.length > 0) keepExtremes(sum.countsMin, sum.countsMax, next);
  else Object.assign(sum, { countsMin: numbers(next.countsMin), countsMax: numbers(next.countsMax) });
}

function addLoad(sum: v1.CategoryLoad, next: v1.CategoryLoad): void {
  accumulate(sum.counts as unknown as Float64Array, next.counts);
  sum.tokens += next.tokens;
  sum.dropped += next.dropped;
  sum.droppedCounts = added(sum.droppedCounts, next.droppedCounts);
}

function added(sum: number[], next: ArrayLike<number> = []): number[] {
  if (next.length === 0) return sum;
  if (sum.length === 0) return numbers(next);
  accumulate(sum as unknown as Float64Array, next);
  return sum;
}

function addMeans(sum: v1.LayerSummary, { meanProbability = [], probabilityTokens = 0 }: v1.LayerSummary): void {
  if (probabilityTokens === 0) return;
  const tokens = sum.probabilityTokens + probabilityTokens;
  sum.meanProbability = numbers(
    Float64Array.from(meanProbability, (value, expert) => {
      return (value * probabilityTokens + (sum.meanProbability[expert] ?? 0) * sum.probabilityTokens) / tokens;
    }),
  );
  sum.probabilityTokens = tokens;
}

// Four at a time takes two thirds as long: this runs for every expert of every layer of every step.
function keepExtremes(least: number[], most: number[], { countsMin, countsMax }: v1.LayerSummary): void {
  if (countsMax.length === 0) return;
  let expert = 0;
  for (; expert < least.length - 3; expert += 4) {
    keepExtremesOf(expert, least, most, countsMin, countsMax);
    keepExtremesOf(expert + 1, least, most, countsMin, countsMax);
    keepExtremesOf(expert + 2, least, most, countsMin, countsMax);
    keepExtremesOf(expert + 3, least, most, countsMin, countsMax);
  }
  for (; expert < least.length; expert++) keepExtremesOf(expert, least, most, countsMin, countsMax);
}

function keepExtremesOf(expert: number, least: number[], most: number[], low: number[], high: number[]): void {
  if (low[expert]! < least[expert]!) least[expert] = low[expert]!;
  if (high[expert]! > most[expert]!) most[expert] = high[expert]!;
}

function addSummary(sum: v1.ScalarSummary, next: v1.ScalarSummary): void {
  sum.nanValues += next.nanValues;
  if (next.values === 0) return;
  if (sum.values === 0) Object.assign(sum, { first: next.first, min: next.min, max: next.max });
  sum.values += next.values;
  sum.sum += next.sum;
  sum.min = Math.min(sum.min, next.min);
  sum.max = Math.max(sum.max, next.max);
  sum.last = next.last;
}

function layerOf({ layers }: v1.StepBucket, wanted: number): v1.LayerSummary.$Properties | undefined {
  return layers.find(({ layer }) => layer === wanted);
}

// Messages take typed arrays as well as ordinary ones.
function numbers(values: ArrayLike<number>): number[] {
  return new Float64Array(values) as unknown as number[];
}
