// The order of a table's rows.

/** What rows are sorted by: texts by their letters, numbers by size. */
export type SortKey = string | number;

/** @returns the rows in order; NaN comes last either way, and equal rows stay as they were */
export function sortedRows<Row>(rows: readonly Row[], keyOf: (row: Row) => SortKey, descending: boolean): Row[] {
  // Each key is made once: there may be a hundred thousand rows.
  const keys = rows.map(keyOf);
  const places = Array.from(keys, (_, place) => place).filter((place) => !isMissing(keys[place]!));
  const sign = descending ? -1 : 1;
  places.sort((a, b) => (keys[a]! < keys[b]! ? -sign : keys[a]! > keys[b]! ? sign : 0));
  return [...places.map((place) => rows[place]!), ...rows.filter((_, place) => isMissing(keys[place]!))];
}

function isMissing(key: SortKey): boolean {
  return typeof key === "number" && Number.isNaN(key);
}
