// How much memory a bucket takes.
import type { v1 } from "@moescope/proto";

/** About what a summary takes, of a scalar or of a layer's MaxVio, in numbers. */
const SUMMARY = 12;

/** Numbers that a bucket holds, 8 bytes each. */
export function numbersIn({ scalars, layers }: v1.StepBucket): number {
  return layers.reduce((sum, layer) => sum + numbersInLayer(layer), SUMMARY * scalars.length);
}

function numbersInLayer({ categories, countsMin, countsMax, ...layer }: v1.LayerSummary): number {
  const { selectionBias, gateMass, meanProbability } = layer;
  let numbers = SUMMARY;
  for (const { length } of [countsMin, countsMax, selectionBias, gateMass, meanProbability]) numbers += length;
  for (const { counts, droppedCounts } of categories) numbers += counts.length + droppedCounts.length;
  return numbers;
}
