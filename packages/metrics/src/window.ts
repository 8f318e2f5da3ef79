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
    accumulate(sum, counts);
  }
  return sum ?? new Float64Array(0);
}

/**
 * Writes the sum of two histograms: sum_e = n_e + m_e.
 *
 * @param sum overwritten; exact up to 2^53
 * @param first of as many experts, as is the second
 */
export function setToSum(sum: Float64Array, first: ArrayLike<number>, second: ArrayLike<number>): void {
  const most = sum.length - 3;
  let expert = 0;
  // As in `accumulate`.
  for (; expert < most; expert += 4) {
    sum[expert] = first[expert]! + second[expert]!;
    sum[expert + 1] = first[expert + 1]! + second[expert + 1]!;
    sum[expert + 2] = first[expert + 2]! + second[expert + 2]!;
    sum[expert + 3] = first[expert + 3]! + second[expert + 3]!;
  }
  for (; expert < sum.length; expert++) sum[expert] = first[expert]! + second[expert]!;
}

/**
 * Adds a histogram to a sum: sum_e += n_e.
 *
 * @param sum changed; exact up to 2^53
 * @param counts of as many experts
 */
export function accumulate(sum: Float64Array, counts: ArrayLike<number>): void {
  // Four at a time takes half as long, and a collector does it with every count that it takes in, several times.
  const most = sum.length - 3;
  let expert = 0;
  for (; expert < most; expert += 4) {
    sum[expert]! += counts[expert]!;
    sum[expert + 1]! += counts[expert + 1]!;
    sum[expert + 2]! += counts[expert + 2]!;
    sum[expert + 3]! += counts[expert + 3]!;
  }
  for (; expert < sum.length; expert++) sum[expert]! += counts[expert]!;
}
