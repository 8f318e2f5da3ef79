// The y axis of a chart: linear, or logarithmic in a way that zeros and negative values survive.
import { roundTicks } from "./ticks.ts";

/** Where values stand on the axis. What is drawn is `place(value)`, on a linear axis over `domain`. */
export interface YScale {
  domain: readonly [low: number, high: number];
  /** Values to name on the axis, ascending. */
  ticks: readonly number[];
  place(value: number): number;
}

/** @param count about how many ticks */
export function linearScale(domain: readonly [number, number], count = 4): YScale {
  return { domain, ticks: roundTicks(domain, count), place: (value) => value };
}

/** Smaller magnitudes than this share of the largest are drawn near zero: one tiny value must not take half of the axis. */
const SMALLEST_SHARE = 1e-8;
/** Over fewer decades, powers of ten would be too few ticks: 1, 2 and 5 times them are named, where those are as many as can be read. */
const FEW_DECADES = 3;
const READABLE = { least: 3, most: 8 } as const;
/** Over so few decades that those are fewer, round numbers. */
const FEWEST_DECADES = 2;

/**
 * Logarithmic for magnitudes from `least` on, linear below it, symmetric around zero: with `least` at or under the smallest value above
 * zero, every positive value stands where a logarithmic axis has it, and zero stands one decade under the power of ten below them.
 *
 * @param domain in values
 * @param least smallest magnitude above zero that occurs
 * @param count about how many ticks
 */
export function logScale([low, high]: readonly [number, number], least: number, count = 4): YScale {
  const largest = Math.max(Math.abs(low), Math.abs(high));
  if (!(largest > 0) || !Number.isFinite(largest)) return linearScale([low, high], count);
  const known = least > 0 && Number.isFinite(least) ? least : largest;
  const knee = 10 ** Math.floor(Math.log10(Math.max(known, largest * SMALLEST_SHARE)));
  const place = (value: number) => {
    const size = Math.abs(value) / knee;
    return Math.sign(value) * (size < 1 ? size : 1 + Math.log10(size));
  };
  const domain = [place(low), place(high)] as const;
  const decades = domain[1] - domain[0];
  const fine = decades < FEW_DECADES ? multiplesOfPowers(low, high, knee) : [];
  if (fine.length >= READABLE.least && fine.length <= READABLE.most) return { domain, place, ticks: fine };
  const ticks = decades < FEWEST_DECADES ? roundTicks([low, high], count) : powers(low, high, knee, count);
  return { domain, place, ticks };
}

/** 1, 2 and 5 times powers of ten, from the knee on, on both sides of zero. */
function multiplesOfPowers(low: number, high: number, knee: number): number[] {
  const [first, last] = [knee, Math.max(Math.abs(low), Math.abs(high))].map((size) =>
    Math.floor(Math.log10(size) + 1e-9),
  );
  const exponents = Array.from({ length: last! - first! + 1 }, (_, place) => first! + place);
  const positive = exponents.flatMap((exponent) => [1, 2, 5].map((factor) => Number(`${factor}e${exponent}`)));
  return mirrored(positive).filter((value) => value >= low && value <= high);
}

function powers(low: number, high: number, knee: number, count: number): number[] {
  const first = Math.round(Math.log10(knee));
  const last = Math.floor(Math.log10(Math.max(Math.abs(low), Math.abs(high))) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / Math.max(1, count)));
  const positive: number[] = [];
  for (let exponent = last; exponent >= first; exponent -= every) positive.unshift(Number(`1e${exponent}`));
  return mirrored(positive).filter((value) => value >= low && value <= high);
}

function mirrored(positive: readonly number[]): number[] {
  return [...positive.map((value) => -value).reverse(), 0, ...positive];
}
