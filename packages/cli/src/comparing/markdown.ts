// Text and tables in GitHub's Markdown.
import type { Column } from "../terminal/table.ts";

/** Text that stands in one line of Markdown and reads as it is: nothing in it is markup, and line breaks stay inside that line. */
export function markdown(text: string): string {
  return text.replace(/[\\`*[\]<|]/g, "\\$&").replace(/\r\n|[\r\n]/g, "<br>");
}

export function markdownTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string[] {
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(columns.map(({ title }) => markdown(title))),
    line(columns.map(({ right }) => (right ? "---:" : "---"))),
    ...rows.map((row) => line(columns.map(({ value }) => markdown(value(row))))),
  ];
}
