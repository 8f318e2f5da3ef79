// Starts the servers that a vitest project named `server` or `cluster` runs its tests on, and stops them at the end.

import { ClickHouseServer, TEST_CLUSTER } from "@moescope/clickhouse-server";
import type { TestProject } from "vitest/node";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const isCluster = project.name === "cluster";
  const servers = await ClickHouseServer.startCluster(isCluster ? 2 : 1);
  const urls = servers.map(({ url }) => url);
  project.provide("clickhouse", isCluster ? { urls, cluster: TEST_CLUSTER } : { urls });
  return async () => {
    for (const server of servers) await server.stop();
  };
}
