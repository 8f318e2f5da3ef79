// Where the collectors and stores of a test keep their rows: in the embedded engine, on a server, or on a cluster of two shards.
// vitest.config.ts runs the tests of the store once for each.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type ClickHouseClient, createClient } from "@clickhouse/client";
import { inject } from "vitest";
import { DATABASE, Database, select } from "../store/engine/database.ts";
import { openServer } from "../store/engine/server.ts";
import { MIGRATIONS } from "../store/schema/schema.ts";

/** Servers that are there while the tests run. */
export interface ClickHouseUnderTest {
  urls: string[];
  cluster?: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    clickhouse: ClickHouseUnderTest | undefined;
  }
}

export function underTest(): ClickHouseUnderTest | undefined {
  return inject("clickhouse");
}

/** What a collector on this directory is told of its store. A directory that is used for the first time has an empty one. */
export async function storeOptions(
  dataDirectory: string,
): Promise<{ clickhouseUrls?: string[]; clickhouseCluster?: string | undefined }> {
  const servers = underTest();
  if (servers === undefined) return {};
  const used = join(dataDirectory, "used");
  if (!existsSync(used)) {
    await empty(servers);
    mkdirSync(dataDirectory, { recursive: true });
    writeFileSync(used, "");
  }
  return { clickhouseUrls: servers.urls, clickhouseCluster: servers.cluster };
}

/** The database of a collector on this directory, without the collector. */
export async function openDatabase(dataDirectory: string): Promise<Database> {
  const { clickhouseUrls, clickhouseCluster } = await storeOptions(dataDirectory);
  if (clickhouseUrls === undefined) return Database.embedded(join(dataDirectory, "store"));
  return openServer(clickhouseUrls, clickhouseCluster);
}

/** Tables of the newest version stay, without their rows: making them anew takes longer than most tests. */
async function empty({ urls, cluster }: ClickHouseUnderTest): Promise<void> {
  const own = cluster === undefined ? DATABASE : `${DATABASE}_shard`;
  for (const url of urls) {
    const client = createClient({ url });
    if (await isNewest(client, own)) await truncate(client, own);
    else for (const name of [DATABASE, own]) await client.command({ query: `DROP DATABASE IF EXISTS ${name} SYNC` });
    await client.close();
  }
}

async function isNewest(client: ClickHouseClient, database: string): Promise<boolean> {
  const found = await select(
    client,
    `SELECT 1 FROM system.tables WHERE database = '${database}' AND name = 'migrations'`,
  );
  if (found.length === 0) return false;
  const versions = await select(client, `SELECT DISTINCT version FROM ${database}.migrations ORDER BY version`);
  return isDeepStrictEqual(
    versions,
    MIGRATIONS.map(({ version }) => [version]),
  );
}

async function truncate(client: ClickHouseClient, database: string): Promise<void> {
  const filled = "engine LIKE '%MergeTree' AND total_rows > 0 AND name != 'migrations'";
  const tables = await select(client, `SELECT name FROM system.tables WHERE database = '${database}' AND ${filled}`);
  for (const [table] of tables) await client.command({ query: `TRUNCATE TABLE ${database}.${table}` });
}
