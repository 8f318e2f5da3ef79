// Tables of results: a header, a rule, a line for each row; numbers to the right.
import { visible } from "./visible.ts";

export interface Column<Row> {
  title: string;
  value: (row: Row) => string;
  /** For numbers. */
  right?: boolean;
}

/** @returns its lines */
export function formatTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string[] {
  // Made visible before they are measured: an escape is wider than what it stands for.
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ value }) => visible(value(row)))),
  ];
  const widths = columns.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  const pad = (text: string, column: number) => {
    return columns[column]!.right ? text.padStart(widths[column]!) : text.padEnd(widths[column]!);
  };
  const [head, ...body] = cells.map((line) => line.map(pad).join("  ").trimEnd());
  const rule = "─".repeat(Math.max(...[head!, ...body].map((line) => line.length)));
  return [head!, rule, ...body];
}
