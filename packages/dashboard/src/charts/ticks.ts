// Round numbers for axes.
import type { Axis } from "../address/address.ts";
import { formatClock, formatCount, formatWhole } from "../format/number.ts";

const MINUTE = 60_000;
/** Steps of a time axis, milliseconds. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30].flatMap((count) => [count * 1000, count * MINUTE]);
const HOUR_STEPS = [1, 2, 3, 6, 12, 24, 48, 96, 240].map((count) => count * 60 * MINUTE);
const ALL_TIME_STEPS = [...TIME_STEPS, ...HOUR_STEPS].sort((a, b) => a - b);

/**
 * @param count about how many
 * @returns multiples of 1, 2 or 5 times a power of ten within the domain
 */
export function roundTicks([low, high]: readonly [number, number], count: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  // The factor nearest on a log scale: the limits are geometric means of neighbours.
  const error = rough / power;
  const factor = error >= Math.sqrt(50) ? 10 : error >= Math.sqrt(10) ? 5 : error >= Math.SQRT2 ? 2 : 1;
  return multiples(low, high, factor * power);
}

/** Ticks of an x axis in its own units: whole steps, tokens, or round lengths of time. */
export function axisTicks(domain: readonly [number, number], axis: Axis, count: number): number[] {
  if (axis !== "time") return roundTicks(domain, count).filter(Number.isInteger);
  const rough = (domain[1] - domain[0]) / Math.max(1, count);
  return multiples(...domain, ALL_TIME_STEPS.find((step) => step >= rough) ?? rough);
}

/** A place on an x axis in words. */
export function formatPosition(value: number, axis: Axis): string {
  if (axis === "time") return formatClock(value);
  return axis === "tokens" ? formatCount(value) : formatWhole(value);
}

/** What an x axis counts. */
export const AXIS_TITLES: Record<Axis, string> = { step: "step", tokens: "tokens", time: "time since the start" };

/** Digits after the point that tell neighbouring ticks apart. */
export function tickDigits(ticks: readonly number[]): number {
  const gap = ticks.length < 2 ? Math.abs(ticks[0] ?? 1) || 1 : Math.abs(ticks[1]! - ticks[0]!);
  return Math.min(6, Math.max(0, -Math.floor(Math.log10(gap) + 1e-9)));
}

/** A tick in words: as many digits as tell it from its neighbours; on a logarithmic axis as many as it needs. */
export function tickText(value: number, ticks: readonly number[]): string {
  const gaps = ticks.slice(1).map((tick, place) => tick - ticks[place]!);
  const even = gaps.every((gap) => Math.abs(gap - gaps[0]!) <= 1e-6 * Math.abs(gaps[0]!));
  if (even) return value.toFixed(tickDigits(ticks)).replace("-", "−");
  const size = Math.abs(value);
  const text =
    size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(0) : String(Number(value.toPrecision(3)));
  return text.replace("-", "−").replace("e+", "e");
}

function multiples(low: number, high: number, step: number): number[] {
  const ticks: number[] = [];
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index++)
    ticks.push(Number((index * step).toPrecision(12)));
  return ticks;
}
