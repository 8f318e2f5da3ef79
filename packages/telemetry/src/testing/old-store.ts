// A store as an earlier version left it, for tests of migrations.
import { addRank } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { type Block, DATABASE } from "../store/engine/database.ts";
import type { Columns } from "../store/engine/native.ts";
import { statementFor } from "../store/schema/migrate.ts";
import { MIGRATIONS } from "../store/schema/schema.ts";
import { batchBlocks, blockOf, type StreamMark, streamRows, type TableRows } from "../store/writing/rows.ts";
import { CountSplitter } from "../store/writing/split-counts.ts";
import { openDatabase, underTest } from "./store-kind.ts";

/** Whether no earlier version could have written one: clusters came later. */
export function hasNoPast(): boolean {
  return underTest()?.cluster !== undefined;
}

/** @param version of the schema; tables of later versions are missing, and what would be in them */
export async function writeOldStore(
  dataDirectory: string,
  version: number,
  run: v1.RunDescription,
  steps: v1.Step[],
): Promise<void> {
  const database = await openDatabase(dataDirectory);
  await database.run(`DROP DATABASE IF EXISTS ${DATABASE} SYNC`);
  await database.run(`CREATE DATABASE ${DATABASE}`);
  await database.run(
    `CREATE TABLE ${DATABASE}.migrations (version UInt32, applied_at DateTime) ENGINE = MergeTree ORDER BY version`,
  );
  const migrations = MIGRATIONS.filter((migration) => migration.version <= version);
  for (const migration of migrations) {
    for (const statement of migration.statements) await database.run(statementFor({ database: DATABASE }, statement));
    await database.run(`INSERT INTO ${DATABASE}.migrations VALUES (${migration.version}, now())`);
  }
  const created = migrations.flatMap((migration) => migration.statements).join();
  for (const [table, block] of Object.entries(blocksOf(version, run, steps))) {
    if (created.includes(`NOT EXISTS ${table} (`)) await database.insert(table, block, table);
  }
  await database.close();
}

function blocksOf(version: number, run: v1.RunDescription, steps: v1.Step[]): Record<string, Block> {
  const columns = { run: "String", attempt: "UInt32", description: "String" } as const;
  const description = Buffer.from(v1.RunDescription.encode(run).finish()).toString("base64");
  const content = { steps: steps.map((message) => ({ message, sum: addRank(message) })), ends: [], streams: [] };
  const marks = [{ run: run.id, rank: 0, attempt: 0, sequence: steps.length, rejected: 0, lastMessageAt: 1 }];
  return {
    runs: blockOf({ columns, rows: [[run.id, 0, description]] }),
    ...batchBlocks(1, content, new CountSplitter()),
    ...(version < 15 ? { routing: wholeCounts(steps, version < 10 ? "counts" : "base") } : {}),
    streams: blockOf(marksOf(version, marks)),
  };
}

/** As they were before version 10; from then on they were a row's base, and a byte above it, which need not be given. */
function wholeCounts(steps: readonly v1.Step[], name: "counts" | "base"): Block {
  const columns: Columns = {
    ...{ run: "String", split: "Split", step: "UInt64", attempt: "UInt32", batch: "UInt64" },
    ...{ layer: "UInt32", category: "UInt32", rank: "UInt32", tokens: "UInt64", dropped: "UInt64" },
    [name]: "Array(UInt32)",
  };
  const rows = steps.flatMap(({ run, split, step, attempt, rank, histograms }) => {
    return histograms.flatMap(({ layer, categories }) => {
      return categories.map(({ category, tokens, dropped, counts }) => {
        return [run, split, step, attempt, 1, layer, category, rank, tokens, dropped, counts];
      });
    });
  });
  return blockOf({ columns, rows });
}

/** Epochs came with version 8. */
function marksOf(version: number, marks: StreamMark[]): TableRows {
  const { columns, rows } = streamRows(1, 0, marks);
  if (version >= 8) return { columns, rows };
  const { epoch, ...older } = columns;
  return { columns: older, rows: rows.map((row) => row.slice(0, -1)) };
}
