// The files that a test's ClickHouse server is configured by: its cluster, and the users it lets in.
import { join } from "node:path";

/** Of a user who has one; the user `default` has none. */
export const TEST_PASSWORD = "right";
export const TEST_CLUSTER = "shards";

export interface Ports {
  http: number;
  tcp: number;
}

/** @param shards the ports of every server of the cluster */
export function configuration(directory: string, shards: readonly Ports[]): string {
  const remote = shards.map(({ tcp }) => `<shard><replica><host>127.0.0.1</host><port>${tcp}</port></replica></shard>`);
  return `<clickhouse>
  <listen_host>127.0.0.1</listen_host>
  <users_config>${join(directory, "users.xml")}</users_config>
  <remote_servers><${TEST_CLUSTER}>${remote.join("")}</${TEST_CLUSTER}></remote_servers>
</clickhouse>
`;
}

export function users(): string {
  const loopback = "<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>";
  return `<clickhouse>
  <users>
    <default><password></password>${loopback}</default>
    <moescope><password>${TEST_PASSWORD}</password>${loopback}</moescope>
  </users>
  <profiles><default></default></profiles>
  <quotas><default></default></quotas>
</clickhouse>
`;
}
