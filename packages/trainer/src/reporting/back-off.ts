// How long to wait before the next try to connect.

const firstMilliseconds = 50;
const longestMilliseconds = 5000;

/**
 * Doubles from 50 ms to 5 s. A random half of it is left out, so that many trainers do not come back to a collector at one moment.
 *
 * @param failures tries that failed one after the other, from 1
 */
export function backOff(failures: number, random = Math.random): number {
  const longest = Math.min(longestMilliseconds, firstMilliseconds * 2 ** (failures - 1));
  return longest * (1 - random() / 2);
}
