// A table as a file: the contract that every format keeps, and the formats by name.
import { ParquetFile } from "./parquet-file.ts";
import type { Cell, Table } from "./tables.ts";
import { csv, jsonLines, TextTable } from "./text-table.ts";

export interface TableFile {
  /** Takes any number of rows, each with a cell for every column; a bounded number of them waits in memory. */
  write(rows: Iterable<readonly Cell[]>): Promise<void>;
  /** The file is whole once this has settled. */
  close(): Promise<void>;
}

export const tableFormats = {
  parquet: (path: string, table: Table): TableFile => new ParquetFile(path, table),
  jsonl: (path: string, { columns }: Table): TableFile => new TextTable(path, jsonLines(columns)),
  csv: (path: string, { columns }: Table): TableFile => new TextTable(path, csv(columns)),
};

export type TableFormat = keyof typeof tableFormats;
