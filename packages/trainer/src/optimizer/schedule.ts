// The learning rate of every step: linear warm-up, then half a cosine.

export interface ScheduleOptions {
  /** Highest learning rate. */
  learningRate: number;
  /** Learning rate at the last step, as a share of the highest. */
  finalShare: number;
  warmupSteps: number;
}

/** @param step from 0; the warm-up ends on step warmupSteps − 1 with the highest rate */
export function learningRateAt(
  step: number,
  steps: number,
  { learningRate, finalShare, warmupSteps }: ScheduleOptions,
): number {
  if (step < warmupSteps) return (learningRate * (step + 1)) / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - 1 - warmupSteps));
  return learningRate * (finalShare + (1 - finalShare) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
