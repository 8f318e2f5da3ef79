// The note inside a cache entry that says what it holds. It is written last, so an entry without one is not complete.
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

const FILE = "entry.json";

/** What the entry at `directory` recorded, or undefined where there is no readable record. */
export function readRecord<T>(directory: string): T | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, FILE), "utf8")) as T;
  } catch {
    return undefined; // absent or damaged: either way the entry is built again
  }
}

export async function writeRecord(directory: string, record: unknown): Promise<void> {
  await writeFile(join(directory, FILE), JSON.stringify(record, null, 2));
}
