// Where the collectors and stores of a test keep their rows: in the embedded engine, on a server, or on a cluster of two shards.
// vitest.config.ts runs the tests of the store once for each.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@clickhouse/client";
import { inject } from "vitest";
import { DATABASE, Database } from "../store/database.ts";
import { openServer } from "../store/server.ts";

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

export async function empty({ urls }: ClickHouseUnderTest): Promise<void> {
  for (const url of urls) {
    const client = createClient({ url });
    for (const database of [DATABASE, `${DATABASE}_shard`]) {
      await client.command({ query: `DROP DATABASE IF EXISTS ${database} SYNC` });
    }
    await client.close();
  }
}
