// Tables of results: a header, a rule, no vertical lines; numbers to the right.
import Table from "cli-table3";

export interface Column<Row> {
  title: string;
  value: (row: Row) => string;
  /** For numbers. */
  right?: boolean;
}

const none = "";
const bare = {
  ...{ top: none, "top-mid": none, "top-left": none, "top-right": none },
  ...{ bottom: none, "bottom-mid": none, "bottom-left": none, "bottom-right": none },
  ...{ left: none, "left-mid": none, mid: none, "mid-mid": none, right: none, "right-mid": none, middle: "  " },
};

export function formatTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const table = new Table({
    head: columns.map(({ title }) => title),
    colAligns: columns.map(({ right }) => (right ? "right" : "left")),
    chars: bare,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
  });
  for (const row of rows) table.push(columns.map(({ value }) => value(row)));
  const [head = "", ...body] = table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
  const width = Math.max(head.length, ...body.map((line) => line.length));
  return [head, "─".repeat(width), ...body].join("\n");
}
