// Adding histograms up: over categories, steps or ranks.

/**
 * Element-wise sum of histograms of one length: categories of a layer, steps of a window, ranks of a run.
 *
 * @param histograms each holds one load for each expert
 * @returns exact sums (integers up to 2^53); empty when no histogram is given
 * @throws RangeError when the lengths differ
 */
export function sumHistograms(histograms: Iterable<ArrayLike<number>>): Float64Array {
  let sum: Float64Array | undefined;
  for (const counts of histograms) {
    sum ??= new Float64Array(counts.length);
    if (counts.length !== sum.length) {
      throw new RangeError(`histograms of ${sum.length} and ${counts.length} experts cannot be added`);
    }
    for (let expert = 0; expert < counts.length; expert++) sum[expert]! += counts[expert]!;
  }
  return sum ?? new Float64Array(0);
}
