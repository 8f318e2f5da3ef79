// Exact fractions of whole numbers that stay below 2^53.

export interface Fraction {
  numerator: number;
  /** Above 0, without a factor in common with the numerator. */
  denominator: number;
}

/** @throws RangeError when the denominator is 0 */
export function fraction(numerator: number, denominator = 1): Fraction {
  if (denominator === 0) throw new RangeError(`${numerator}/0 is no fraction`);
  const divisor = greatestCommonDivisor(numerator, denominator) * Math.sign(denominator);
  // "+ 0" turns −0 into 0.
  return { numerator: numerator / divisor + 0, denominator: denominator / divisor };
}

export function formatFraction({ numerator, denominator }: Fraction): string {
  return denominator === 1 ? String(numerator) : `${numerator}/${denominator}`;
}

/** @returns the largest whole number that divides both; 0 when both are 0 */
export function greatestCommonDivisor(a: number, b: number): number {
  let [larger, smaller] = [Math.abs(a), Math.abs(b)];
  while (smaller !== 0) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
