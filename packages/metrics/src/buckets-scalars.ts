// Summaries of a named scalar. A value that is NaN is counted and has no part in anything else; without any other, all else is NaN.
import type { v1 } from "@moescope/proto";

type Summary = v1.ScalarSummary.$Properties;

/** The summary of one value. */
export function summaryOf(name: string, value: number): v1.ScalarSummary {
  const isNumber = !Number.isNaN(value);
  // Without the constructor: a step has hundreds.
  return {
    name,
    values: isNumber ? 1 : 0,
    sum: isNumber ? value : 0,
    first: value,
    min: value,
    max: value,
    last: value,
    nanValues: isNumber ? 0 : 1,
  } as v1.ScalarSummary;
}

/**
 * Adds what a later bucket says of a scalar.
 *
 * @param sum changed; begun without one
 */
export function addSummary(sum: v1.ScalarSummary | undefined, next: Summary): v1.ScalarSummary {
  if (sum === undefined) return ownSummary(next);
  const { values = 0, first = 0, min = 0, max = 0, last = 0, nanValues = 0 } = next;
  sum.nanValues += nanValues;
  if (values === 0) return sum;
  const began = sum.values === 0;
  if (began) sum.first = first;
  sum.min = began ? min : Math.min(sum.min, min);
  sum.max = began ? max : Math.max(sum.max, max);
  sum.last = last;
  sum.values += values;
  sum.sum += next.sum ?? 0;
  return sum;
}

/**
 * The sum over ranks of one step with another value, of another rank or of the same.
 *
 * @param shown whether the value is shown as first and last, in place of the one before
 * @returns a new summary
 */
export function withValue(sum: v1.ScalarSummary, value: number, shown: boolean): v1.ScalarSummary {
  const one = summaryOf(sum.name, value);
  const nanValues = sum.nanValues + one.nanValues;
  if (one.values === 0) return { ...sum, nanValues } as v1.ScalarSummary;
  if (sum.values === 0) return { ...one, nanValues } as v1.ScalarSummary;
  return {
    name: sum.name,
    values: sum.values + 1,
    sum: sum.sum + value,
    first: shown ? value : sum.first,
    min: Math.min(sum.min, value),
    max: Math.max(sum.max, value),
    last: shown ? value : sum.last,
    nanValues,
  } as v1.ScalarSummary;
}

function ownSummary({ name = "", values = 0, nanValues = 0, sum = 0, ...ends }: Summary): v1.ScalarSummary {
  const { first = 0, min = 0, max = 0, last = 0 } = ends;
  if (values === 0) return { ...summaryOf(name, Number.NaN), nanValues } as v1.ScalarSummary;
  return { name, values, sum, first, min, max, last, nanValues } as v1.ScalarSummary;
}
