// Runs of several seeds: mean, spread, and what differences seed by seed say.

export interface Sample {
  /** How many values there are; NaN is none. */
  n: number;
  /** NaN when there is no value. */
  mean: number;
  /** Sample standard deviation, with n − 1; NaN for fewer than two values. */
  deviation: number;
}

/** @param values one for each run; NaN, what a run does not have, is left out */
export function sampleOf(values: readonly number[]): Sample {
  const known = values.filter((value) => !Number.isNaN(value));
  const n = known.length;
  const mean = known.reduce((sum, value) => sum + value, 0) / n;
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { n, mean, deviation: n > 1 ? Math.sqrt(squares / (n - 1)) : Number.NaN };
}

/** Paired differences: the second arm minus the first, of the same seeds. */
export interface PairedDifference extends Sample {
  /** Of the mean: deviation / √n. */
  standardError: number;
  /** 95 % interval of the mean by Student's t with n − 1 degrees of freedom; NaN for fewer than two seeds. */
  interval: readonly [low: number, high: number];
  /** Seeds in which the second arm is lower, and higher. */
  lower: number;
  higher: number;
}

/** @param differences one for each seed that both arms have */
export function pairedDifference(differences: readonly number[]): PairedDifference {
  const known = differences.filter((value) => !Number.isNaN(value));
  const sample = sampleOf(known);
  const standardError = sample.deviation / Math.sqrt(sample.n);
  const reach = standardError * studentT975(sample.n - 1);
  return {
    ...sample,
    standardError,
    interval: [sample.mean - reach, sample.mean + reach],
    lower: known.filter((value) => value < 0).length,
    higher: known.filter((value) => value > 0).length,
  };
}

/** 97.5 % quantiles of Student's t for 1 … 10 degrees of freedom. */
const studentT975OfFew = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306, 2.2622, 2.2281];

/** Above 10 degrees of freedom by the expansion about the normal quantile (Abramowitz and Stegun 26.7.5), right to 0.0001. */
export function studentT975(freedom: number): number {
  if (freedom < 1) return Number.NaN;
  const z = 1.959964;
  const [z3, z5, z7] = [z ** 3, z ** 5, z ** 7];
  return (
    studentT975OfFew[freedom - 1] ??
    z +
      (z3 + z) / (4 * freedom) +
      (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom ** 2) +
      (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * freedom ** 3)
  );
}
