// Normally distributed random numbers.
import type { Random } from "./random.ts";

/** Normal values by the method of Box and Muller, two at a time. */
export function normalValues(size: number, standardDeviation: number, random: Random): Float32Array {
  const values = new Float32Array(size);
  for (let i = 0; i < size; i += 2) {
    const radius = standardDeviation * Math.sqrt(-2 * Math.log(1 - random.uniform()));
    const angle = 2 * Math.PI * random.uniform();
    values[i] = radius * Math.cos(angle);
    if (i + 1 < size) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}
