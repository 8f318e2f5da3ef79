// Tables as Markdown, so that what a bench prints can be pasted into a document as it is.

export function printTable(headings: string[], rows: (string | number)[][]): void {
  console.log(`| ${headings.join(" | ")} |`);
  console.log(`|${headings.map(() => " --- |").join("")}`);
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
}

/** @param values at least one */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
