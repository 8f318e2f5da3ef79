import { defineConfig } from "vitest/config";
import { sharedTestOptions } from "../../vitest.shared.ts";
import { whyNoServer } from "./src/clickhouse-server.ts";

// A process can have one embedded store open, so every file has its own; collectors are real, and a busy machine is slow.
const options = { pool: "forks", maxWorkers: 1, testTimeout: 30_000, hookTimeout: 30_000 } as const;
const { reporters, outputFile, ...shared } = sharedTestOptions(import.meta.dirname);

/** Run once more with the rows on a cluster of two shards. Those for a single server are fewer; MOESCOPE_STORE_TESTS=all runs all on both. */
const STORE_TESTS = ["src/store/{store,history,probes,rollups}.test.ts", "src/delete-run.test.ts"];
const MORE_STORE_TESTS = ["src/store/crash.test.ts", "src/alerts/alerts.test.ts", "src/collector.test.ts"];

/** Only run there. */
const SERVER_TESTS = ["src/sharing.test.ts", "src/store/{server,migrate,shard-away}.test.ts"];

function storeTests(where: "server" | "cluster"): string[] {
  if (process.env.MOESCOPE_STORE_TESTS === "all") return [...SERVER_TESTS, ...STORE_TESTS, ...MORE_STORE_TESTS];
  return where === "cluster" ? [...SERVER_TESTS, ...STORE_TESTS] : ["src/store/{server,migrate,store,probes}.test.ts"];
}

const missing = whyNoServer();
if (missing !== undefined) console.warn(`the store is not tested on a ClickHouse server: ${missing}`);

// A statement goes from server to server, each on the processor that the tests have.
const longer = { testTimeout: 120_000, hookTimeout: 120_000 } as const;

const onServers = (missing === undefined ? (["server", "cluster"] as const) : []).map((name) => ({
  test: {
    ...{ ...shared, ...options, ...longer, name },
    include: storeTests(name),
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
