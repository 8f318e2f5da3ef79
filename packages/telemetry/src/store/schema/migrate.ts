// Brings the tables of every server to the newest version of the schema. On a cluster rows lie in tables of the servers' own, spread
// over the shards by tables that hold none.
import type { Logger } from "pino";
import { asNumber, DATABASE, type Database, type Server, select } from "../engine/database.ts";
import type { Moves } from "./migration.ts";
import { MIGRATIONS } from "./schema.ts";

/** @throws Error when a server has tables of a newer version */
export async function migrate(database: Database, log: Logger): Promise<void> {
  let changed = false;
  const shards = new Set<string>();
  for (const server of database.servers) {
    const shard = server.copy?.path ?? server.name;
    const applied = await migrateServer(server, log, !shards.has(shard));
    changed ||= applied;
    shards.add(shard);
  }
  if (database.cluster !== undefined) await spread(database.servers, database.cluster, changed);
}

/**
 * @param moving whether rows are moved here: the other copies of the shard follow
 * @returns whether anything was applied
 */
async function migrateServer(server: Server, log: Logger, moving: boolean): Promise<boolean> {
  const { client, database, name } = server;
  const run = (query: string) => client.command({ query });
  await run(`CREATE DATABASE IF NOT EXISTS ${database}`);
  await run(
    `CREATE TABLE IF NOT EXISTS ${database}.migrations (version UInt32, applied_at DateTime) ENGINE = MergeTree ORDER BY version`,
  );
  const [row] = await select(client, `SELECT max(version) FROM ${database}.migrations`);
  const found = asNumber(row![0]);
  const newest = MIGRATIONS.at(-1)!.version;
  if (found > newest) {
    throw new Error(
      `the store has schema version ${found}, written by a newer moescope; this one knows versions up to ${newest}`,
    );
  }
  const missing = MIGRATIONS.filter((migration) => migration.version > found);
  for (const { version, statements, moves } of missing) {
    for (const statement of statements) await run(statementFor(server, statement));
    if (moving && moves !== undefined) await move(server, moves);
    await run(`INSERT INTO ${database}.migrations VALUES (${version}, now())`);
    log.info({ version, server: name }, "store migrated");
  }
  return missing.length > 0;
}

async function move({ client, database, copy }: Server, { from, into }: Moves): Promise<void> {
  const column = `database = '${database}' AND table = '${from.table}' AND name = '${from.column}'`;
  if ((await select(client, `SELECT 1 FROM system.columns WHERE ${column}`)).length === 0) return;
  // Rows that another copy took in may not be here yet.
  if (copy !== undefined) await client.command({ query: `SYSTEM SYNC REPLICA ${database}.${from.table}` });
  for (const { table, key, statements } of into) {
    for (const query of statements(database)) await client.command({ query });
    await keepOnce(client, `${database}.${table}`, key.join(", "));
  }
}

async function keepOnce(client: Server["client"], table: string, key: string): Promise<void> {
  const keys = `SELECT 1 FROM ${table} GROUP BY ${key} SETTINGS optimize_aggregation_in_order = 1`;
  const [row] = await select(client, `SELECT (SELECT count() FROM ${table}) - (SELECT count() FROM (${keys}))`);
  if (asNumber(row![0]) > 0) await client.command({ query: `OPTIMIZE TABLE ${table} FINAL DEDUPLICATE BY ${key}` });
}

/** A statement of a migration, for the tables of one server. */
export function statementFor({ database, copy }: Pick<Server, "database" | "copy">, statement: string): string {
  const qualified = statement.replace(/^(CREATE TABLE IF NOT EXISTS|ALTER TABLE) /, `$1 ${database}.`);
  return copy === undefined ? qualified : replicated(qualified, copy);
}

/** An insert is tried again for as long as its shard is away. */
const REMEMBERED_SECONDS = 30 * 24 * 3600;

/** The copies of a shard's table find each other by a path in the keeper. */
function replicated(statement: string, { path, name }: NonNullable<Server["copy"]>): string {
  const table = /EXISTS \w+\.(\w+) \(/.exec(statement)?.[1];
  return statement
    .replace(/ENGINE = (\w*MergeTree)(?:\((\w+)\))?/, (_, engine, version) => {
      const place = `'${path}/${table}', '${name}'`;
      return `ENGINE = Replicated${engine}(${version === undefined ? place : `${place}, ${version}`})`;
    })
    .replace(
      "non_replicated_deduplication_window = 1000",
      `replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = ${REMEMBERED_SECONDS}`,
    );
}

/** On every server, a table for each of its tables: which shard a row belongs to depends on its run and layer. */
async function spread(servers: readonly Server[], cluster: string, changed: boolean): Promise<void> {
  for (const { client, database } of servers) {
    await client.command({ query: `CREATE DATABASE IF NOT EXISTS ${DATABASE}` });
    const tables = await select(
      client,
      `SELECT table, max(name = 'layer') FROM system.columns WHERE database = '${database}' AND table != 'migrations' GROUP BY table`,
    );
    // They hold no rows, so they can be made anew when columns have changed.
    const create = changed ? "CREATE OR REPLACE TABLE" : "CREATE TABLE IF NOT EXISTS";
    for (const [table, hasLayer] of tables) {
      const key = hasLayer === 1 ? "sipHash64(run, layer)" : "sipHash64(run)";
      const engine = `Distributed('${cluster}', '${database}', '${table}', ${key})`;
      await client.command({ query: `${create} ${DATABASE}.${table} AS ${database}.${table} ENGINE = ${engine}` });
    }
  }
}
