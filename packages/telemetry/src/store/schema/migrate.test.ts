// Tables that several servers keep copies of: the servers of the tests have no keeper, so this is as far as a statement gets there.
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { expect, onTestFinished, test } from "vitest";
import { underTest } from "../../testing/store-kind.ts";
import { statementFor } from "./migrate.ts";
import { MIGRATIONS } from "./schema.ts";

const copy = { path: "/moescope/shards/2", name: "1" };
const statements = MIGRATIONS.flatMap(({ statements }) => statements).map((statement) => {
  return statementFor({ database: "moescope_copies", copy }, statement);
});

test("a table's copies share a path in the keeper, and remember inserts for as long as they may be tried again", () => {
  const runs = statements.find((statement) => statement.includes(" moescope_copies.runs "))!;
  expect(runs).toContain("ENGINE = ReplicatedReplacingMergeTree('/moescope/shards/2/runs', '1', attempt)");
  expect(runs).toContain("replicated_deduplication_window = 1000, replicated_deduplication_window_seconds = 2592000");
  const steps = statements.find((statement) => statement.includes(" moescope_copies.steps "))!;
  expect(steps).toContain("ENGINE = ReplicatedMergeTree('/moescope/shards/2/steps', '1') ORDER BY");
});

test("a server without a keeper understands every table, and says that a keeper is what it lacks", async () => {
  const client = createClient({ url: underTest()!.urls[0]!, log: { level: ClickHouseLogLevel.OFF } });
  onTestFinished(async () => {
    await client.command({ query: "DROP DATABASE moescope_copies SYNC" });
    await client.close();
  });
  await client.command({ query: "CREATE DATABASE moescope_copies" });
  const tables = statements.filter((statement) => statement.startsWith("CREATE TABLE"));
  expect(tables.length).toBeGreaterThan(15);
  for (const query of tables) {
    await expect(client.command({ query }), query).rejects.toThrow(/ZooKeeper|Keeper/);
  }
});
