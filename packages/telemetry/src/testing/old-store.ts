// A store as an earlier version left it, for tests of migrations.
import { v1 } from "@moescope/proto";
import { type Block, DATABASE } from "../store/database.ts";
import { statementFor } from "../store/migrate.ts";
import { batchBlocks, blockOf, type StreamMark, streamRows, type TableRows } from "../store/rows.ts";
import { MIGRATIONS } from "../store/schema.ts";
import { addRank } from "../store/step-sum.ts";
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
    ...batchBlocks(1, content),
    streams: blockOf(marksOf(version, marks)),
  };
}

/** Epochs came with version 8. */
function marksOf(version: number, marks: StreamMark[]): TableRows {
  const { columns, rows } = streamRows(1, 0, marks);
  if (version >= 8) return { columns, rows };
  const { epoch, ...older } = columns;
  return { columns: older, rows: rows.map((row) => row.slice(0, -1)) };
}
