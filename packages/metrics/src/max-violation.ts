// MaxVio: how far the busiest expert is above its fair share.

/**
 * MaxVio = (max n − mean n) / mean n of the loads of one layer's experts (arXiv 2408.15664, §2). 0 is balanced, E/k − 1 the most
 * possible with top-k routing. *Batch* when `counts` are of one step; *global* when they are summed over a window or a validation set.
 *
 * @param counts token-to-expert assignments n_e, one for each expert
 * @returns NaN when nothing was assigned
 */
export function maxViolation(counts: ArrayLike<number>): number {
  const mean = meanLoad(counts);
  return mean === 0 ? Number.NaN : (counts[busiestExpert(counts)]! - mean) / mean;
}

/** @returns index of the expert with the highest load; the lowest index when several share it, −1 when there are no experts */
export function busiestExpert(counts: ArrayLike<number>): number {
  let busiest = counts.length === 0 ? -1 : 0;
  for (let expert = 1; expert < counts.length; expert++) {
    if (counts[expert]! > counts[busiest]!) busiest = expert;
  }
  return busiest;
}

/** @returns mean load over experts, Σ n_e / E; 0 when there are no experts */
export function meanLoad(counts: ArrayLike<number>): number {
  return counts.length === 0 ? 0 : totalLoad(counts) / counts.length;
}

/** @returns Σ n_e */
export function totalLoad(counts: ArrayLike<number>): number {
  let total = 0;
  let expert = 0;
  // Four at a time, because a collector checks every count that it takes in.
  for (; expert < counts.length - 3; expert += 4) {
    total += counts[expert]! + counts[expert + 1]! + counts[expert + 2]! + counts[expert + 3]!;
  }
  for (; expert < counts.length; expert++) total += counts[expert]!;
  return total;
}
