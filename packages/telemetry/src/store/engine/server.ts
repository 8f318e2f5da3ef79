// Connections to ClickHouse servers over HTTP, and the errors of those that cannot be used.
import { type ClickHouseClient, ClickHouseError, ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { serversOfCluster } from "./cluster.ts";
import { DATABASE, Database, type Server, select } from "./database.ts";
import { reasonOf, StoreError } from "./store-error.ts";

/** Older releases are refused. Tried is the one that chdb holds, 26.7. */
const OLDEST = [25, 3] as const;

/** Milliseconds: deleting from large tables takes long, and a server that is stuck must not hold senders back for ever. */
const REQUEST_TIMEOUT = 120_000;

/** Code of the engine's error, whatever the reason: the password, the user, where from. */
const AUTHENTICATION_FAILED = "516";

/**
 * Connects to a server, or to every server of a cluster.
 *
 * @param urls with user and password where the servers want them. The first is asked everything that is not for one server alone.
 *   A cluster whose servers do not listen on the same HTTP port needs the URL of each.
 * @param cluster its name in the servers' configuration
 * @throws Error that says which server is not reached, refuses the user, is too old, or does not know the cluster
 */
export async function openServer(urls: readonly string[], cluster?: string): Promise<Database> {
  const servers: Server[] = [];
  const connect = async (url: string) => {
    const server = { name: new URL(url).host, database: DATABASE, client: clientOf(url) };
    servers.push(server);
    await checkServer(server, url);
    return server;
  };
  try {
    if (cluster !== undefined) return Database.remote(await serversOfCluster(urls, cluster, connect), cluster);
    if (urls.length > 1)
      throw new Error(`${urls.length} ClickHouse servers, but no cluster is named that they belong to`);
    return Database.remote([await connect(urls[0]!)]);
  } catch (error) {
    for (const { client } of servers) await client.close();
    throw error;
  }
}

function clientOf(url: string): ClickHouseClient {
  return createClient({
    url,
    request_timeout: REQUEST_TIMEOUT,
    // What fails is thrown, and told by whoever asked.
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: {
      // Stored on every shard when an insert is done, not queued on the server that was asked.
      distributed_foreground_insert: 1,
      // A subquery is answered once, over all shards.
      distributed_product_mode: "global",
      parallel_distributed_insert_select: "0",
      optimize_skip_unused_shards: 1,
      // One copy of a shard takes and answers everything while it is there, and most copies have what it acknowledged.
      load_balancing: "in_order",
      insert_quorum: "auto",
      insert_quorum_parallel: 0,
      select_sequential_consistency: "1",
    },
  });
}

async function checkServer({ name, client }: Server, url: string): Promise<void> {
  const version = await versionOf(client, name, url);
  const [major, minor] = version.split(".").map(Number) as [number, number];
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new Error(`ClickHouse at ${name} is version ${version}; allowed are ${OLDEST.join(".")} and later`);
}

async function versionOf(client: ClickHouseClient, name: string, url: string): Promise<string> {
  try {
    const [row] = await select(client, "SELECT version()");
    const version = row?.[0];
    if (typeof version === "string" && /^\d+\.\d+/.test(version)) return version;
    throw new Error(`it says that its version is ${JSON.stringify(version)}`);
  } catch (error) {
    const cause = error instanceof StoreError ? error.cause : error;
    if (cause instanceof ClickHouseError && cause.code === AUTHENTICATION_FAILED) {
      const user = decodeURIComponent(new URL(url).username) || "default";
      throw new Error(
        `ClickHouse at ${name} refuses user "${user}" with this password; write http://user:password@${name}`,
        { cause },
      );
    }
    throw new Error(`no ClickHouse answers at ${name}: ${reasonOf(cause)}`, { cause });
  }
}
