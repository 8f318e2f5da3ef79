import { whyNoServer } from "@moescope/clickhouse-server";
import { defineConfig } from "vitest/config";
import { sharedTestOptions } from "../../vitest.shared.ts";

// A process can have one embedded store open, so every file has its own.
const options = { pool: "forks" } as const;
// One server for all files of a project: one after the other, once the embedded ones are done. Those mostly wait, for disks and processes.
const oneByOne = { maxWorkers: 1, sequence: { groupOrder: 1 } } as const;
const twoByTwo = { maxWorkers: 2 } as const;
const { reporters, outputFile, ...shared } = sharedTestOptions(import.meta.dirname);

/** Every test of the store and of exactly-once, run on a server and on a cluster of two shards by MOESCOPE_STORE_TESTS=all. */
const STORE_TESTS = [
  "src/sharing.test.ts",
  "src/store/**/{server,migrate,ledger,shard-away,store,history,probes,rollups,running-rollups,attempts,crash}.test.ts",
  "src/store/**/{gates,old-gates,run-messages}.test.ts",
  "src/{delete-run,annotate-run,collector,collector-killed,replayed,many-ranks,retention,clock}.test.ts",
  "src/alerts/alerts.test.ts",
];

/** Those that take seconds rather than minutes: a statement on a cluster goes from server to server. */
const USUAL_STORE_TESTS = {
  server: ["src/store/**/{server,migrate,ledger,probes}.test.ts"],
  cluster: ["src/store/**/{ledger,store,shard-away}.test.ts"],
};

/** Have nothing to run on without a server. */
const SERVER_TESTS = ["src/sharing.test.ts", "src/store/**/{server,migrate,shard-away}.test.ts"];

const missing = whyNoServer();
if (missing !== undefined) console.warn(`the store is not tested on a ClickHouse server: ${missing}`);

const onServers = (missing === undefined ? (["server", "cluster"] as const) : []).map((name) => ({
  test: {
    ...{ ...shared, ...options, ...oneByOne, name },
    include: process.env.MOESCOPE_STORE_TESTS === "all" ? STORE_TESTS : USUAL_STORE_TESTS[name],
    globalSetup: "src/testing/clickhouse-setup.ts",
  },
}));

export default defineConfig({
  test: {
    ...{ reporters, outputFile },
    projects: [
      {
        test: { ...shared, ...options, ...twoByTwo, name: "embedded", exclude: [...shared.exclude!, ...SERVER_TESTS] },
      },
      ...onServers,
    ],
  },
});
