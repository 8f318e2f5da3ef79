// Whether what was stored survives a power cut: how the tables treat the cache of the operating system.
import { open } from "node:fs/promises";
import { DATABASE, type Database, type Server, select } from "./database.ts";

export type Durability = "fsync" | "os";

/** Merged parts too: the embedded engine deletes the parts that were merged at once, whatever was written of the merged one. */
const SETTINGS = ["fsync_after_insert", "fsync_part_directory", "min_rows_to_fsync_after_merge"];

/** Sets every table of every server that is not so yet; what it takes in from then on is stored like this. */
export async function makeDurable({ servers }: Database, durability: Durability): Promise<void> {
  for (const server of servers) await makeServerDurable(server, durability);
}

async function makeServerDurable({ client, database }: Server, durability: Durability): Promise<void> {
  const value = durability === "fsync" ? 1 : 0;
  const tables = await select(
    client,
    `SELECT name, engine_full FROM system.tables WHERE database = '${database}' AND engine LIKE '%MergeTree'`,
  );
  for (const [table, engine] of tables as [string, string][]) {
    const set = SETTINGS.every((setting) => (engine.includes(`${setting} = 1`) ? 1 : 0) === value);
    if (set) continue;
    const settings = SETTINGS.map((setting) => `${setting} = ${value}`).join(", ");
    await client.command({ query: `ALTER TABLE ${database}.${table} MODIFY SETTING ${settings}` });
  }
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
  if (durability === "os" || database.shared) return async () => {};
  const [row] = await database.rows(
    `SELECT data_paths[1] FROM system.tables WHERE database = '${DATABASE}' AND name = '${table}'`,
  );
  const directory = row![0] as string;
  return async () => {
    const handle = await open(directory);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  };
}
