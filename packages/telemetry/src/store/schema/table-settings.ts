// Settings that the tables have whatever version they are of.
import { type Database, type Server, select } from "../engine/database.ts";

/** ClickHouse from version 26 on gathers statistics of every column with every part; no query here uses them. */
const NO_STATISTICS = { auto_statistics_types: "''" };

/** Sets every table of every server that is not so yet. @param settings that every version has */
export async function setTables({ servers }: Database, settings: Readonly<Record<string, string>>): Promise<void> {
  for (const server of servers) {
    await setTablesOf(server, { ...settings, ...((await knows(server, NO_STATISTICS)) ? NO_STATISTICS : {}) });
  }
}

async function knows({ client }: Server, settings: Record<string, string>): Promise<boolean> {
  const names = Object.keys(settings);
  const [row] = await select(
    client,
    "SELECT count() FROM system.merge_tree_settings WHERE name IN {names:Array(String)}",
    { names },
  );
  return Number(row![0]) === names.length;
}

async function setTablesOf({ client, database }: Server, settings: Record<string, string>): Promise<void> {
  const assignments = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  const tables = await select(
    client,
    `SELECT name, engine_full FROM system.tables WHERE database = '${database}' AND engine LIKE '%MergeTree'`,
  );
  for (const [table, engine] of tables as [string, string][]) {
    if (assignments.every((assignment) => engine.includes(assignment))) continue;
    await client.command({ query: `ALTER TABLE ${database}.${table} MODIFY SETTING ${assignments.join(", ")}` });
  }
}
