// The figure `loss-against-balance` as data: what each arm of a comparison costs in loss, and what balance it buys.
import type { NumberAxis, PlotFrameModel } from "./plot-frame-layout.ts";

/** A number over the seeds of an arm; the spread is NaN for a single seed. */
export interface Spread {
  mean: number;
  /** Sample standard deviation. */
  deviation: number;
}

export interface LossAgainstBalanceArm {
  name: string;
  seeds: { seed: number; maxViolation: number; loss: number }[];
  maxViolation: Spread;
  loss: Spread;
}

export interface LossAgainstBalanceModel extends PlotFrameModel {
  arms: readonly LossAgainstBalanceArm[];
}

/** Room around the outermost points, as a share of the extent. */
const PADDING = 0.08;

/**
 * @param trainedOn what all arms share, as a clause of the caption
 * @throws RangeError when there is no arm with a seed
 */
export function lossAgainstBalanceModel(
  arms: readonly LossAgainstBalanceArm[],
  trainedOn: string,
): LossAgainstBalanceModel {
  if (!arms.some(({ seeds }) => seeds.length > 0)) throw new RangeError("the figure needs an arm with a finished run");
  return {
    title: "What balance costs in validation loss",
    caption: captionOf(arms, trainedOn),
    names: arms.map(({ name }) => name),
    x: {
      title: "MaxVio of the validation set (mean over layers; 0 is balanced)",
      domain: domainOf(
        arms.flatMap(({ seeds, maxViolation }) => [...seeds.map((run) => run.maxViolation), ...ends(maxViolation)]),
        0,
      ),
    },
    y: {
      title: "validation loss (nats per token)",
      domain: domainOf(arms.flatMap(({ seeds, loss }) => [...seeds.map((run) => run.loss), ...ends(loss)])),
    },
    arms,
  };
}

function ends({ mean, deviation }: Spread): number[] {
  return Number.isNaN(deviation) ? [mean] : [mean - deviation, mean + deviation];
}

function domainOf(values: readonly number[], least = Number.NEGATIVE_INFINITY): NumberAxis["domain"] {
  const known = values.filter(Number.isFinite);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const room = (high - low || Math.abs(high) || 1) * PADDING;
  return [Math.max(least, low - room), high + room];
}

function captionOf(arms: readonly LossAgainstBalanceArm[], trainedOn: string): string {
  const counts = arms.map(({ seeds }) => seeds.length);
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  const marks =
    most === 1
      ? "A mark is a run."
      : `Small marks: single runs, one for each seed (${fewest === most ? most : `${fewest} to ${most}`} for each arm); crosses: ` +
        `means; thin bars: ± one sample standard deviation over seeds.`;
  return (
    `Held-out loss against MaxVio, the excess of the busiest expert over the mean load, (max n − mean n) / mean n, of the ` +
    `load summed over the whole validation set. Lower left is better on both counts. ${marks} ${trainedOn} The vertical axis does not ` +
    `begin at zero.`
  );
}
