// How much the expert of an assignment tells about the category of its token.
import { expertShares } from "./affinity.ts";
import { entropyOf } from "./entropy.ts";
import { totalLoad } from "./max-violation.ts";
import { shares } from "./shares.ts";

export interface InformationOptions {
  /**
   * What a category weighs: `uniform`, all the same, so that the number does not depend on the mixture of the data; or `tokens`, as much
   * as it has assignments.
   */
  weighting?: "uniform" | "tokens";
  /** Subtracts `mutualInformationBias`; the result may then be a little below 0. */
  correctBias?: boolean;
}

/**
 * I(expert; category) = H(Σ_D w_D F_D) − Σ_D w_D H(F_D) in bits, with F_D the spread of category D over the experts and w_D its weight:
 * the Jensen-Shannon divergence of all categories together. 0: every category uses the experts alike. At most the entropy of the
 * weights, log2 of the number of categories when uniform: no expert is shared.
 *
 * Estimated from few assignments it comes out too high; see `mutualInformationBias`.
 *
 * @param counts one histogram for each category; categories without assignments are left out
 * @param options uniform and not corrected when absent
 * @returns NaN when nothing was assigned
 * @throws RangeError when the lengths differ
 */
export function mutualInformation(counts: readonly ArrayLike<number>[], options: InformationOptions = {}): number {
  const { weights, spreads, mixture } = spreadsOf(counts, options);
  if (spreads.length === 0) return Number.NaN;
  const within = spreads.reduce((sum, spread, category) => sum + weights[category]! * entropyOf(spread), 0);
  const information = bits(entropyOf(mixture) - within);
  // Never negative, but a sum of rounded numbers may be.
  return options.correctBias ? information - mutualInformationBias(counts, options) : Math.max(0, information);
}

/**
 * Mutual information as a share of the entropy of the categories' weights (the uncertainty coefficient U(category | expert)). 0: the
 * expert says nothing about the category; 1: it says all.
 *
 * @param counts one histogram for each category; categories without assignments are left out
 * @returns NaN with fewer than two categories that have assignments
 * @throws RangeError when the lengths differ
 */
export function normalisedMutualInformation(
  counts: readonly ArrayLike<number>[],
  options: InformationOptions = {},
): number {
  const { weights } = spreadsOf(counts, options);
  return weights.length < 2 ? Number.NaN : mutualInformation(counts, options) / bits(entropyOf(weights));
}

/**
 * How much too high mutual information is expected to come out, in bits, because a spread estimated from N_D assignments looks sharper
 * than it is: an entropy is underestimated by Σ_e Var(F_e) / (2 F_e) nats (Miller 1955; Miller-Madow), which is (m − 1) / 2N for one
 * category that reaches m experts, and less for the mixture. About (C − 1)(E − 1) / 2N nats for C equal categories that use E experts
 * alike. It supposes independent assignments: the k of one token exclude each other, and neighbouring tokens go together, so it says
 * when a value is too small to mean anything rather than what is left of it.
 *
 * @param counts one histogram for each category; categories without assignments are left out
 * @returns NaN when nothing was assigned
 * @throws RangeError when the lengths differ
 */
export function mutualInformationBias(
  counts: readonly ArrayLike<number>[],
  { weighting }: Pick<InformationOptions, "weighting"> = {},
): number {
  const { weights, loads, spreads, mixture } = spreadsOf(counts, { weighting });
  if (spreads.length === 0) return Number.NaN;
  let bias = 0;
  spreads.forEach((spread, category) => {
    const weight = weights[category]!;
    for (let expert = 0; expert < spread.length; expert++) {
      if (spread[expert] === 0) continue;
      const variance = (spread[expert]! * (1 - spread[expert]!)) / loads[category]!;
      bias += (weight * variance) / (2 * spread[expert]!) - (weight ** 2 * variance) / (2 * mixture[expert]!);
    }
  });
  return bits(bias);
}

interface Spreads {
  /** w_D, adding up to 1; and assignments of the category. */
  weights: ArrayLike<number>;
  loads: number[];
  /** F_D, one for each category that has assignments. */
  spreads: Float64Array[];
  /** Σ_D w_D F_D. */
  mixture: Float64Array;
}

function spreadsOf(counts: readonly ArrayLike<number>[], { weighting = "uniform" }: InformationOptions): Spreads {
  const present = counts.filter((row) => totalLoad(row) > 0);
  const spreads = expertShares(present);
  const loads = present.map(totalLoad);
  const weights = shares(weighting === "uniform" ? loads.map(() => 1) : loads);
  const mixture = new Float64Array(present[0]?.length ?? 0).map((_, expert) => {
    return spreads.reduce((sum, spread, category) => sum + weights[category]! * spread[expert]!, 0);
  });
  return { weights, loads, spreads, mixture };
}

function bits(nats: number): number {
  return nats / Math.LN2;
}
