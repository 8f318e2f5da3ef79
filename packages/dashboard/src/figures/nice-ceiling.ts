// Round upper ends of axes.

/** @returns the smallest of 1, 2, 2.5, 4, 5, 6, 8 or 10 times a power of ten that is not below the value; 1 for values that are not positive */
export function niceCeiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value) + 1e-12);
  const factor = [1, 2, 2.5, 4, 5, 6, 8, 10].find((each) => each * power >= value * (1 - 1e-12))!;
  return Number((factor * power).toPrecision(12));
}
