// Pieces of the sentences that cards say.

/** @returns "a", "a and b", "a, b and c" */
export function joinWords(words: readonly string[]): string {
  if (words.length < 2) return words[0] ?? "";
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** @returns "1 step", "3 steps" */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** @returns "step 4" or "steps 4–7", both ends included */
export function stepRange(first: number, last: number): string {
  return first === last ? `step ${first}` : `steps ${first}–${last}`;
}

/** @param widths steps in a point, one for each run; empty while every step has its own point */
export function stepsAPoint(widths: readonly number[]): string {
  const most = Math.max(1, ...widths);
  const least = Math.min(most, ...widths);
  if (most === 1) return "";
  return least === most ? `1 point = ${most} steps` : `1 point = ${least} to ${most} steps`;
}
