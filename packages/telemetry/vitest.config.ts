import { defineConfig } from "vitest/config";
import { sharedTestOptions } from "../../vitest.shared.ts";
import { whyNoServer } from "./src/testing/clickhouse-server.ts";

// A process can have one embedded store open, so every file has its own; collectors are real, and a busy machine is slow.
const options = { pool: "forks", maxWorkers: 1, testTimeout: 30_000, hookTimeout: 30_000 } as const;
const { reporters, outputFile, ...shared } = sharedTestOptions(import.meta.dirname);

/** Run once more with the rows on a ClickHouse server, and on a cluster of two shards. */
const STORE_TESTS = [
  "src/store/{store,history,probes,rollups,crash}.test.ts",
  "src/{collector,delete-run}.test.ts",
  "src/alerts/alerts.test.ts",
];

/** Only run there. */
const SERVER_TESTS = ["src/sharing.test.ts", "src/store/{server,shard-away}.test.ts"];

const missing = whyNoServer();
if (missing !== undefined) console.warn(`the store is not tested on a ClickHouse server: ${missing}`);

const onServers = (missing === undefined ? ["server", "cluster"] : []).map((name) => ({
  test: {
    ...shared,
    ...options,
    name,
    include: [...STORE_TESTS, ...SERVER_TESTS],
    globalSetup: "src/testing/clickhouse-setup.ts",
  },
}));

export default defineConfig({
  test: {
    ...{ reporters, outputFile },
    projects: [
      { test: { ...shared, ...options, name: "embedded", exclude: [...shared.exclude!, ...SERVER_TESTS] } },
      ...onServers,
    ],
  },
});
