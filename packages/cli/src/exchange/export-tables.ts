// A run as a folder of tables, and `run.json`, written last: what the run is, what was chosen, and what every column means.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@moescope/dashboard/api";
import { v1 } from "@moescope/proto";
import { asJson } from "../reading/json.ts";
import { type Selection, stepPages } from "./step-pages.ts";
import { type TableFile, type TableFormat, tableFormats } from "./table-file.ts";
import { type Table, tables } from "./tables.ts";

/**
 * @param directory is made when it does not exist
 * @returns the paths of the files
 */
export async function exportTables(
  client: Client,
  selection: Selection,
  format: TableFormat,
  directory: string,
): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const files = tables.map((table) => {
    const path = join(directory, `${table.name}.${format}`);
    return { path, table, file: tableFormats[format](path, table) };
  });
  for await (const buckets of stepPages(client, selection)) {
    for (const { table, file } of files) await writeBuckets(table, file, buckets, selection);
  }
  for (const { file } of files) await file.close();
  const description = join(directory, "run.json");
  await writeFile(description, `${JSON.stringify(descriptionOf(selection), null, 2)}\n`);
  return [...files.map(({ path }) => path), description];
}

async function writeBuckets(table: Table, file: TableFile, buckets: readonly v1.StepBucket[], { run }: Selection) {
  for (const bucket of buckets) await file.write(table.rows(bucket, run.categories));
}

function descriptionOf({ run, splits, from, to, layers, attempt }: Selection) {
  return {
    run: asJson(v1.RunDescription, run),
    selection: { splits, from: from ?? null, to: to ?? null, layers, attempt: attempt ?? "newest at every step" },
    tables: Object.fromEntries(tables.map(({ name, about, columns }) => [name, { row: about, columns }])),
  };
}
