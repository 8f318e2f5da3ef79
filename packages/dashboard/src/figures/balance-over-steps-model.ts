// The figure `balance-over-steps` as data: MaxVio while the arms of a comparison train, mean and spread over their seeds.
import type { PlotFrameModel } from "./plot-frame-layout.ts";

export interface BalanceOverStepsArm {
  name: string;
  seeds: number;
  /** First to last, each a stretch of steps. */
  stretches: BalanceStretch[];
}

export interface BalanceStretch {
  firstStep: number;
  lastStep: number;
  /** MaxVio of single steps, mean over layers, steps and seeds. */
  mean: number;
  /** Sample standard deviation over seeds; NaN for a single one. */
  deviation: number;
}

export interface BalanceOverStepsModel extends PlotFrameModel {
  arms: readonly BalanceOverStepsArm[];
}

/**
 * @param trainedOn what all arms share, as a sentence of the caption
 * @throws RangeError when there is no step to draw
 */
export function balanceOverStepsModel(arms: readonly BalanceOverStepsArm[], trainedOn: string): BalanceOverStepsModel {
  const all = arms.flatMap(({ stretches }) => stretches);
  if (all.length === 0) throw new RangeError("the figure needs an arm with a finished run");
  const highest = Math.max(...all.map(upperEnd).filter(Number.isFinite));
  return {
    title: "Balance while training",
    caption: captionOf(arms, trainedOn),
    names: arms.map(({ name }) => name),
    x: { title: "step", domain: [0, Math.max(...all.map(({ lastStep }) => lastStep + 1))] },
    y: { title: "MaxVio of a step (mean over layers; 0 is balanced)", domain: [0, highest * 1.04] },
    arms,
  };
}

export function upperEnd({ mean, deviation }: BalanceStretch): number {
  return mean + (Number.isNaN(deviation) ? 0 : deviation);
}

/** Less than balanced is not possible. */
export function lowerEnd({ mean, deviation }: BalanceStretch): number {
  return Math.max(0, mean - (Number.isNaN(deviation) ? 0 : deviation));
}

function captionOf(arms: readonly BalanceOverStepsArm[], trainedOn: string): string {
  const widths = arms.flatMap(({ stretches }) => stretches.map(({ firstStep, lastStep }) => lastStep - firstStep + 1));
  const width = Math.max(...widths);
  const averaged = width > 1 ? `, averaged over stretches of ${width} steps` : "";
  const counts = [...new Set(arms.map(({ seeds }) => seeds))];
  const ofEach = arms.map(({ name, seeds }) => `${name} ${seeds}`).join(", ");
  const seeds = counts.length === 1 ? `${counts[0]} of each arm` : ofEach;
  const lines =
    Math.max(...counts) === 1
      ? "One run for each line."
      : `Lines: mean over seeds; bands: ± one sample standard deviation over seeds (seeds: ${seeds}).`;
  return (
    `MaxVio of the training batch, (max n − mean n) / mean n over the experts of a layer, mean over MoE layers${averaged}. ` +
    `${lines} ${trainedOn}`
  );
}
