// The order of a table's rows.

/** What rows are sorted by: texts by their letters, numbers by size. */
export type SortKey = string | number;

/** @returns the rows in order; NaN comes last either way, and equal rows stay as they were */
export function sortedRows<Row>(rows: readonly Row[], keyOf: (row: Row) => SortKey, descending: boolean): Row[] {
  return rows.toSorted((a, b) => {
    const [left, right] = [keyOf(a), keyOf(b)];
    const missing = Number(isMissing(left)) - Number(isMissing(right));
    if (missing !== 0 || isMissing(left)) return missing;
    const order = left < right ? -1 : left > right ? 1 : 0;
    return descending ? -order : order;
  });
}

function isMissing(key: SortKey): boolean {
  return typeof key === "number" && Number.isNaN(key);
}
