// Numbers of a layer's experts, added up. Messages declare ordinary arrays and take typed ones as well; sums have typed ones.
//
// Arrays may differ in length: an expert that one array has no number for is what the others say of it.
import { accumulate, setToSum } from "./window.ts";

type Numbers = ArrayLike<number>;

/** Hands out memory for that many numbers; what is in it does not matter. */
export type RoomFor = (length: number) => Float64Array;

/** A field without numbers: one array for all messages. */
export const NONE: number[] = Object.freeze([]) as never;

/** Typed numbers, as messages declare them. */
export function declared(numbers: Float64Array): number[] {
  return numbers as unknown as number[];
}

/** @returns numbers that a sum may change */
export function ownNumbers(numbers: Numbers = NONE): number[] {
  return numbers.length === 0 ? NONE : declared(new Float64Array(numbers));
}

/**
 * Adds numbers to a sum: s_e += n_e.
 *
 * @param sum of `ownNumbers` or of this function, or empty; changed
 * @returns the sum, or a longer one in its place
 */
export function addNumbers(sum: number[], next: Numbers = NONE): number[] {
  if (next.length === 0) return sum;
  const all = lengthened(sum, next.length);
  accumulate(all.length === next.length ? all : all.subarray(0, next.length), next);
  return declared(all);
}

/** @returns the sum of those parts that have numbers: a part itself where it is the only one */
export function sumOfNumbers(parts: readonly Numbers[], roomFor: RoomFor): number[] {
  const given = parts.filter(({ length }) => length > 0);
  const [first, second] = given;
  if (first === undefined || second === undefined) return (first ?? NONE) as number[];
  if (given.length === 2 && first.length === second.length) return sumOfTwo(first, second, roomFor);
  const sum = declared(roomFor(longest(given)).fill(0));
  for (const part of given) addNumbers(sum, part);
  return sum;
}

/** One look at the numbers of what a collector adds up most: a step so far, and the next of its ranks. */
function sumOfTwo(first: Numbers, second: Numbers, roomFor: RoomFor): number[] {
  const sum = roomFor(first.length);
  setToSum(sum, first, second);
  return declared(sum);
}

export function longest(parts: readonly Numbers[]): number {
  return parts.reduce((most, { length }) => Math.max(most, length), 0);
}

/** The fields of a LayerSummary: the smallest and the largest load of each expert. */
export interface Extremes {
  countsMin: number[];
  countsMax: number[];
}

/** Keeps the lower and the higher numbers of both. An expert has both extremes or none. @param sum of `ownNumbers`; changed */
export function keepExtremes(sum: Extremes, { countsMin = NONE, countsMax = NONE }: Partial<Extremes>): void {
  const experts = Math.min(countsMin.length, countsMax.length);
  if (sum.countsMin.length < experts) {
    sum.countsMin = behind(sum.countsMin, countsMin, experts);
    sum.countsMax = behind(sum.countsMax, countsMax, experts);
  }
  keep(sum.countsMin, sum.countsMax, countsMin, countsMax, experts);
}

// Four at a time takes two thirds as long: this runs for every expert of every layer of every step.
function keep(least: number[], most: number[], low: number[], high: number[], experts: number): void {
  let expert = 0;
  for (; expert < experts - 3; expert += 4) {
    keepOf(expert, least, most, low, high);
    keepOf(expert + 1, least, most, low, high);
    keepOf(expert + 2, least, most, low, high);
    keepOf(expert + 3, least, most, low, high);
  }
  for (; expert < experts; expert++) keepOf(expert, least, most, low, high);
}

function keepOf(expert: number, least: number[], most: number[], low: number[], high: number[]): void {
  if (low[expert]! < least[expert]!) least[expert] = low[expert]!;
  if (high[expert]! > most[expert]!) most[expert] = high[expert]!;
}

/** @returns the sum itself where it is as long */
export function lengthened(sum: number[], length: number): Float64Array {
  if (sum.length >= length) return sum as unknown as Float64Array;
  const longer = new Float64Array(length);
  longer.set(sum);
  return longer;
}

/** @returns the sum with what the other numbers have more, up to a length */
function behind(sum: number[], others: number[], length: number): number[] {
  const all = new Float64Array(others.length === length ? others : others.slice(0, length));
  all.set(sum);
  return declared(all);
}
