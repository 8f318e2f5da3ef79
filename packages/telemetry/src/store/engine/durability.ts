// Whether what was stored survives a power cut: how the tables treat the cache of the operating system.
import { open } from "node:fs/promises";
import { DATABASE, type Database } from "./database.ts";
import { answered } from "./store-error.ts";

export type Durability = "fsync" | "os";

/** Merged parts too: the embedded engine deletes the parts that were merged at once, whatever was written of the merged one. */
const SYNC = ["fsync_after_insert", "fsync_part_directory", "min_rows_to_fsync_after_merge"];

/** Settings of the tables: what they take in from then on is stored like this. */
export function durable(durability: Durability): Record<string, string> {
  return Object.fromEntries(SYNC.map((setting) => [setting, durability === "fsync" ? "1" : "0"]));
}

/**
 * The engine syncs a part, then gives it its name, and leaves that rename to the operating system. One sync of the directory in which
 * the last of them was made brings them all to the disk: file systems with a journal (ext4, XFS) keep to their order.
 *
 * @returns syncs the names of all parts, those of `table` being the last; does nothing where that is not asked for, or not ours to do
 */
export async function nameSync(
  database: Database,
  durability: Durability,
  table: string,
): Promise<() => Promise<void>> {
  if (durability === "os" || !database.embedded) return async () => {};
  const [row] = await database.rows(
    `SELECT data_paths[1] FROM system.tables WHERE database = '${DATABASE}' AND name = '${table}'`,
  );
  const directory = row![0] as string;
  return () => answered(sync(directory));
}

async function sync(directory: string): Promise<void> {
  const handle = await open(directory);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
