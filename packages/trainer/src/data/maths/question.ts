// A question with its answer, and the numbers that questions are made of.
import type { Random } from "../random.ts";

export interface Question {
  question: string;
  /** The only correct answer in the form that the question asks for. */
  answer: string;
}

export type QuestionMaker = (random: Random) => Question;

/** @returns a whole number of up to `digits` digits: first the number of digits is drawn, then the number, so that small ones are common */
export function drawNatural(random: Random, digits: number): number {
  return random.below(10 ** random.between(1, digits));
}

/** @returns a whole number of up to `digits` digits, negative as often as positive */
export function drawInteger(random: Random, digits: number): number {
  const natural = drawNatural(random, digits);
  return natural !== 0 && random.below(2) === 1 ? -natural : natural;
}

/** @returns a whole number of up to `digits` digits that is not 0 */
export function drawNonZero(random: Random, digits: number): number {
  const natural = random.between(1, 10 ** random.between(1, digits) - 1);
  return random.below(2) === 1 ? -natural : natural;
}

/** @returns `count` whole numbers, no two of them equal */
export function drawDistinct(random: Random, count: number, digits: number): number[] {
  const numbers = new Set<number>();
  while (numbers.size < count) numbers.add(drawInteger(random, digits));
  return [...numbers];
}

/** @param units the value in units of 10^−places, so that decimals stay exact */
export function decimal(units: number, places: number): string {
  const digits = String(Math.abs(units)).padStart(places + 1, "0");
  const fraction = digits.slice(digits.length - places).replace(/0+$/, "");
  const whole = digits.slice(0, digits.length - places);
  return `${units < 0 ? "-" : ""}${whole}${places > 0 && fraction ? `.${fraction}` : ""}`;
}

/** @returns the first, second, third … */
export function ordinal(position: number): string {
  return ["first", "second", "third", "fourth", "fifth", "sixth"][position - 1]!;
}
