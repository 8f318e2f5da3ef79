// Letters under bars that stand for runs, whose names are too long to stand there.

/** @returns A, B, C … */
export function barLetter(place: number): string {
  return String.fromCharCode(65 + (place % 26));
}

/** @returns "A: first; B: second", or the only name alone */
export function lettersInWords(names: readonly string[]): string {
  return names.length === 1 ? names[0]! : names.map((name, place) => `${barLetter(place)}: ${name}`).join("; ");
}
