// Files for the person at the screen.
import { toCsv } from "../figures/csv.ts";

export function saveCsv(rows: readonly (readonly (string | number)[])[], name: string): void {
  saveText(toCsv(rows), name, "text/csv");
}

export function saveText(text: string, name: string, type: string): void {
  saveBlob(new Blob([text], { type: `${type};charset=utf-8` }), name);
}

export function saveBlob(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has taken hold of the data once the click is handled; a minute is more than it needs.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
