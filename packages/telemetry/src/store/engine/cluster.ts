// The servers of a cluster, as they describe it themselves, each with a connection of its own: it creates and deletes there.
//
// Without a keeper a cluster has no statement that reaches all its servers, so tables are created on one after the other.
import { DATABASE, type Server, select } from "./database.ts";

interface Place {
  shard: number;
  replica: number;
  host: string;
}

/** The tables of a server of a cluster; those of DATABASE only spread rows over them. */
const TABLES = `${DATABASE}_shard`;

/** @throws Error when the cluster is unknown, or a server of it has no URL */
export async function serversOfCluster(
  urls: readonly string[],
  cluster: string,
  connect: (url: string) => Promise<Server>,
): Promise<Server[]> {
  const first = await connect(urls[0]!);
  const places = await placesOf(first, cluster);
  const others = await Promise.all(otherUrls(urls, places).map(connect));
  const kept = await hasKeeper(first);
  const servers = await placed([first, ...others], places, cluster);
  if (!kept && places.some(({ replica }) => replica > 1)) {
    throw new Error(
      `cluster ${cluster} has several replicas of a shard but no keeper that would keep them equal; configure one, or one replica a shard`,
    );
  }
  return servers.map(({ server, place }) => ({
    ...{ name: server.name, client: server.client, database: TABLES },
    ...(kept ? { copy: { path: `/moescope/${cluster}/${place.shard}`, name: `${place.replica}` } } : {}),
  }));
}

async function placesOf({ name, client }: Server, cluster: string): Promise<Place[]> {
  const rows = await select(
    client,
    "SELECT shard_num, replica_num, host_name FROM system.clusters WHERE cluster = {cluster:String} ORDER BY 1, 2",
    { cluster },
  );
  if (rows.length > 0) {
    return rows.map(([shard, replica, host]) => ({
      shard: Number(shard),
      replica: Number(replica),
      host: host as string,
    }));
  }
  const known = await select(client, "SELECT DISTINCT cluster FROM system.clusters ORDER BY cluster");
  const names = known.map(([name]) => name).join(", ") || "none";
  throw new Error(`ClickHouse at ${name} knows no cluster "${cluster}"; it knows ${names}`);
}

/** The URLs given, or for one URL those of the other hosts at its port. */
function otherUrls(urls: readonly string[], places: readonly Place[]): string[] {
  if (urls.length > 1) return urls.slice(1);
  const first = new URL(urls[0]!);
  const hosts = new Set(places.map(({ host }) => host));
  // The URL may name its host differently than the cluster does; which one it is shows when it is asked.
  if (hosts.size < places.length || places.length === 1) return [];
  return [...hosts]
    .filter((host) => host !== first.hostname)
    .map((host) => Object.assign(new URL(first), { host: `${host}:${first.port || 8123}` }).href);
}

/** Each place with the server that says it is there. */
async function placed(servers: readonly Server[], places: readonly Place[], cluster: string) {
  const found = new Map<string, { server: Server; place: Place }>();
  for (const server of servers) {
    const rows = await select(
      server.client,
      "SELECT shard_num, replica_num FROM system.clusters WHERE cluster = {cluster:String} AND is_local",
      { cluster },
    );
    for (const [shard, replica] of rows) {
      const place = places.find((place) => place.shard === Number(shard) && place.replica === Number(replica));
      if (place !== undefined && !found.has(keyOf(place))) found.set(keyOf(place), { server, place });
    }
  }
  const missing = places.filter((place) => !found.has(keyOf(place)));
  if (missing.length === 0) return [...found.values()];
  const names = missing.map(({ shard, replica, host }) => `shard ${shard} replica ${replica} (${host})`).join(", ");
  const asked = servers.map(({ name }) => name).join(", ");
  throw new Error(
    `cluster ${cluster}: none of ${asked} is ${names}; give the HTTP URL of every server, joined by commas`,
  );
}

function keyOf({ shard, replica }: Place): string {
  return `${shard}/${replica}`;
}

async function hasKeeper({ client }: Server): Promise<boolean> {
  const [row] = await select(
    client,
    "SELECT count() FROM system.tables WHERE database = 'system' AND name = 'zookeeper'",
  );
  return Number(row![0]) > 0;
}
