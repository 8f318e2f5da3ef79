// A table as lines of text: CSV (RFC 4180) with a header, or JSON Lines with an object for each row.
import { LineFile } from "./line-file.ts";
import type { Cell, Column } from "./tables.ts";

interface TextFormat {
  header: readonly string[];
  line(row: readonly Cell[]): string;
}

const LINES_AT_ONCE = 10_000;

export class TextTable {
  readonly #file: LineFile;
  readonly #format: TextFormat;
  #lines: string[];

  constructor(path: string, format: TextFormat) {
    this.#file = new LineFile(path);
    this.#format = format;
    this.#lines = [...format.header];
  }

  async write(rows: Iterable<readonly Cell[]>): Promise<void> {
    for (const row of rows) {
      this.#lines.push(this.#format.line(row));
      if (this.#lines.length >= LINES_AT_ONCE) await this.#flush();
    }
  }

  async close(): Promise<void> {
    await this.#flush();
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    await this.#file.write(this.#lines);
    this.#lines = [];
  }
}

/** Null is an empty field, NaN is `NaN`. */
export function csv(columns: readonly Column[]): TextFormat {
  return { header: [columns.map(({ name }) => name).join(",")], line: (row) => row.map(csvField).join(",") };
}

/** NaN and infinities are strings, as in the API: JSON has no other way. */
export function jsonLines(columns: readonly Column[]): TextFormat {
  const object = (row: readonly Cell[]) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index]!]));
  const quoted = (_: string, value: Cell) =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  return { header: [], line: (row) => JSON.stringify(object(row), quoted) };
}

function csvField(value: Cell): string {
  if (typeof value !== "string") return value === null ? "" : String(value);
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
