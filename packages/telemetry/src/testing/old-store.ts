// A store as an earlier version left it, for tests of migrations.
import { addBucket, addRank } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import { type Block, DATABASE } from "../store/engine/database.ts";
import type { Columns } from "../store/engine/native.ts";
import { statementFor } from "../store/schema/migrate.ts";
import { MIGRATIONS } from "../store/schema/schema.ts";
import { rollupBlocks } from "../store/writing/rolled-rows.ts";
import { batchBlocks, blockOf, type StreamMark, streamRows, type TableRows } from "../store/writing/rows.ts";
import type { Rollup } from "../store/writing/running-rollups.ts";
import { Splitters } from "../store/writing/split-counts.ts";
import { openDatabase, underTest } from "./store-kind.ts";

/** Whether no earlier version could have written one: clusters came later. */
export function hasNoPast(): boolean {
  return underTest()?.cluster !== undefined;
}

/**
 * @param version of the schema; tables of later versions are missing, and what would be in them. Gates are where versions before 21 had them
 * @param rolledUp from which width on there are rollups, from version 12 on: of one rank's steps, in order
 */
export async function writeOldStore(
  dataDirectory: string,
  version: number,
  run: v1.RunDescription,
  steps: v1.Step[],
  { rolledUp = [] }: { rolledUp?: readonly number[] } = {},
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
  const rollups = rolledUp.flatMap((width) => rollupsOf(steps, width));
  const rolled = rollupBlocks(1, rollups);
  const blocks = { ...blocksOf(version, run, steps), ...rolled, rolled_routing: formerRolled(version, rolled) };
  const written = (table: string) =>
    created.includes(`NOT EXISTS ${table} (`) && (version >= 21 || !table.endsWith("gates"));
  for (const [table, block] of Object.entries(blocks)) if (written(table)) await database.insert(table, block, table);
  if (rollups.length > 0) {
    const until = Math.max(...rollups.map(({ from, width }) => from + width));
    const position = `'${run.id}', 'TRAIN', 0, 1`;
    await database.run(
      `INSERT INTO ${DATABASE}.sealed (run, split, attempt, batch, until, narrowest) VALUES (${position}, ${until}, ${rolledUp[0]})`,
    );
  }
  await database.close();
}

/** Whole buckets. */
function rollupsOf(steps: readonly v1.Step[], width: number): Rollup[] {
  const sums = steps.map((step) => addRank(step).bucket);
  return Array.from({ length: Math.floor(sums.length / width) }, (_, index) => {
    const from = index * width;
    let bucket: v1.StepBucket | undefined;
    for (const sum of sums.slice(from, from + width)) bucket = addBucket(bucket, sum);
    return { width, from, bucket: bucket! };
  });
}

/** Dropped assignments by expert came with version 18. */
function formerRolled(version: number, { rolled_routing: block }: Record<"rolled_routing", Block>): Block {
  if (version >= 18) return block;
  return { ...block, columns: block.columns.filter((column) => column !== "dropped_counts") };
}

function blocksOf(version: number, run: v1.RunDescription, steps: v1.Step[]): Record<string, Block> {
  const columns = { run: "String", attempt: "UInt32", description: "String" } as const;
  const description = Buffer.from(v1.RunDescription.encode(run).finish()).toString("base64");
  const content = { steps: steps.map((message) => ({ message, sum: addRank(message) })), ends: [], streams: [] };
  const marks = [{ run: run.id, rank: 0, attempt: 0, sequence: steps.length, rejected: 0, lastMessageAt: 1 }];
  return {
    runs: blockOf({ columns, rows: [[run.id, 0, description]] }),
    ...batchBlocks(1, content, new Splitters(), () => 1),
    ...(version < 21 ? { routing: formerRouting(steps, version < 10 ? "counts" : "base") } : {}),
    streams: blockOf(marksOf(version, marks)),
  };
}

/**
 * Counts as they were before version 10; from then on they were a row's base, and a byte above it, which need not be given. Gate mass and
 * mean probability as they were before version 21: those of a category.
 */
function formerRouting(steps: readonly v1.Step[], name: "counts" | "base"): Block {
  const columns: Columns = {
    ...{ run: "String", split: "Split", step: "UInt64", attempt: "UInt32", batch: "UInt64" },
    ...{ layer: "UInt32", category: "UInt32", rank: "UInt32", tokens: "UInt64", dropped: "UInt64" },
    ...{ [name]: "Array(UInt32)", gate_mass: "Array(Float32)", mean_probability: "Array(Float32)" },
  };
  const rows = steps.flatMap(({ run, split, step, attempt, rank, histograms }) => {
    return histograms.flatMap(({ layer, categories }) => {
      return categories.map(({ category, tokens, dropped, counts, gateMass, meanProbability }) => {
        const place = [run, split, step, attempt, 1, layer, category, rank];
        return [...place, tokens, dropped, counts, gateMass ?? [], meanProbability ?? []];
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
