// JSON Lines as other programs write them: a value a line, blank lines passed over.
import { Failure } from "../failure.ts";
import { readLines } from "./read-lines.ts";

export interface JsonLine {
  value: unknown;
  /** File and line, for errors. */
  where: string;
}

/**
 * @param cutOff counts a last line that is neither whole nor ended, as a killed writer leaves it
 * @throws Failure that names the line which is no JSON
 */
export async function* readJsonLines(path: string, cutOff: { lines: number }): AsyncGenerator<JsonLine> {
  for await (const { text, number, ended } of readLines(path)) {
    if (text.trim() === "") continue;
    const where = `${path}, line ${number}`;
    try {
      yield { value: JSON.parse(text), where };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      if (ended) throw new Failure(`${where} is no JSON: ${error.message}`);
      cutOff.lines++;
    }
  }
}

/** A whole number from `least` that is exact. */
export function isWhole(value: unknown, least = 0): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

/** A value as an error shows it: no more of it than a line holds. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
