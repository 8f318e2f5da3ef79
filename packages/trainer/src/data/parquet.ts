// The texts of a Parquet file: one column of strings, read row group by row group.
import { open } from "node:fs/promises";
import { type FileMetaData, parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { DataError, unreadable } from "./data-error.ts";
import type { SourceFile } from "./source-files.ts";

/**
 * Holds one row group of the column in memory at a time.
 *
 * @throws DataError when the file is no Parquet, or the column is missing or not of strings
 */
export async function* textsOfParquet({ name, path, size }: SourceFile, column: string): AsyncGenerator<string> {
  const handle = await open(path).catch(unreadable(name));
  const file = {
    byteLength: size,
    async slice(start: number, end = size): Promise<ArrayBuffer> {
      const bytes = new Uint8Array(end - start);
      await handle.read(bytes, 0, bytes.length, start);
      return bytes.buffer;
    },
  };
  const orRefuse = (cause: Error): never => {
    throw new DataError(`${name} cannot be read as Parquet: ${cause.message}`, { cause });
  };
  try {
    const metadata = await parquetMetadataAsync(file).catch(orRefuse);
    checkColumn(metadata, name, column);
    let rowStart = 0;
    for (const { num_rows } of metadata.row_groups) {
      const rowEnd = rowStart + Number(num_rows);
      const options = { file, metadata, compressors, columns: [column], rowStart, rowEnd };
      const rows = await parquetReadObjects(options).catch(orRefuse);
      for (let row = rowStart; row < rowEnd; row++)
        yield textOf(rows[row - rowStart]![column], `${name}, row ${row}`, column);
      rowStart = rowEnd;
    }
  } finally {
    await handle.close();
  }
}

function checkColumn({ schema }: FileMetaData, name: string, column: string): void {
  const columns = schema.slice(1);
  const chosen = columns.find((candidate) => candidate.name === column);
  const isText = (candidate = chosen) => candidate?.type === "BYTE_ARRAY" && candidate.repetition_type !== "REPEATED";
  if (isText()) return;
  const allowed = columns.filter(isText).map((candidate) => candidate.name);
  throw new DataError(
    `${name}: column "${column}" ${chosen ? "holds no text" : "is missing"}; columns with text: ${allowed.join(", ") || "none"}; choose one with --data name:column=glob`,
  );
}

function textOf(value: unknown, place: string, column: string): string {
  if (typeof value === "string") return value;
  throw new DataError(`${place}: column "${column}" is ${value ?? "null"}; text is allowed`);
}
