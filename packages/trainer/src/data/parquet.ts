// The texts of a Parquet file: one column of strings, read row group by row group.
import { open } from "node:fs/promises";
import { type FileMetaData, parquetMetadataAsync, parquetReadObjects, parquetSchema, type SchemaTree } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { DataError, unreadable } from "./data-error.ts";
import { valueAt } from "./json-lines.ts";
import type { SourceFile } from "./source-files.ts";

/**
 * Holds one row group of the column in memory at a time.
 *
 * @param column name of a column, or of a field of a struct as in `meta.text`
 * @throws DataError when the file is no Parquet or encrypted, or the column is missing or not of strings
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
    await refuseEncrypted(file, name);
    const metadata = await parquetMetadataAsync(file).catch(orRefuse);
    const path = pathOf(metadata, name, column);
    refuseEncryptedColumn(metadata, name, path);
    let rowStart = 0;
    for (const { num_rows } of metadata.row_groups) {
      const rowEnd = rowStart + Number(num_rows);
      const options = { file, metadata, compressors, columns: [path[0]!], rowStart, rowEnd };
      const rows = await parquetReadObjects(options).catch(orRefuse);
      for (let row = rowStart; row < rowEnd; row++)
        yield textOf(valueAt(rows[row - rowStart], path), `${name}, row ${row}`, column);
      rowStart = rowEnd;
    }
  } finally {
    await handle.close();
  }
}

type Bytes = Parameters<typeof parquetMetadataAsync>[0];

/** The last bytes of a file whose footer is encrypted; of others they are PAR1 (parquet-format, Encryption.md). */
const ENCRYPTED_FOOTER = "PARE";

async function refuseEncrypted(file: Bytes, name: string): Promise<void> {
  const end = Buffer.from(await file.slice(Math.max(0, file.byteLength - ENCRYPTED_FOOTER.length), file.byteLength));
  if (end.toString("latin1") === ENCRYPTED_FOOTER) throw new DataError(encrypted(name));
}

function refuseEncryptedColumn({ row_groups: groups }: FileMetaData, name: string, path: readonly string[]): void {
  const chunks = groups.flatMap(({ columns }) => columns);
  const isHidden = chunks.some(({ meta_data, crypto_metadata: crypto }) => {
    if (crypto === undefined) return false;
    return meta_data === undefined || meta_data.path_in_schema.join("\0") === path.join("\0");
  });
  if (isHidden) throw new DataError(encrypted(name));
}

function encrypted(name: string): string {
  return `${name} is encrypted; Parquet without encryption is allowed: decrypt it first`;
}

/** @returns the names that lead to the column: one of the file's own first, then fields of structs */
function pathOf({ schema }: FileMetaData, name: string, column: string): string[] {
  const leaves = textsIn(parquetSchema({ schema }));
  const chosen =
    leaves.find((path) => path.length === 1 && path[0] === column) ?? leaves.find((path) => path.join(".") === column);
  if (chosen !== undefined) return chosen;
  const names = schema.slice(1).map((candidate) => candidate.name);
  const allowed = leaves.map((path) => path.join("."));
  throw new DataError(
    `${name}: column "${column}" ${names.includes(column) ? "holds no text" : "is missing"}; columns with text: ${allowed.join(", ") || "none"}; choose one with --data name:column=glob`,
  );
}

/** Paths of all columns of strings that are in no list. */
function textsIn({ children }: SchemaTree): string[][] {
  return children.flatMap((child) => {
    const { type, repetition_type: repetition } = child.element;
    if (repetition === "REPEATED") return [];
    return type === "BYTE_ARRAY" ? [child.path] : textsIn(child);
  });
}

function textOf(value: unknown, place: string, column: string): string {
  if (typeof value === "string") return value;
  throw new DataError(`${place}: column "${column}" is ${value ?? "null"}; text is allowed`);
}
