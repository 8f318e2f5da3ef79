// A table as Parquet, Snappy-compressed, one row group after the other; what a column means stands in the file's metadata.
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import type { Cell, Column, Table } from "./tables.ts";

const ROWS_IN_GROUP = 100_000;

const physical = {
  text: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  whole: { type: "INT64" },
  real: { type: "DOUBLE" },
} as const;

export class ParquetFile {
  readonly #writer: ParquetWriter;
  readonly #columns: readonly Column[];
  #group: (Cell | bigint)[][];

  constructor(path: string, { about, columns }: Table) {
    this.#columns = columns;
    this.#group = columns.map(() => []);
    this.#writer = new ParquetWriter({
      writer: fileWriter(path),
      schema: [{ name: "root", num_children: columns.length }, ...columns.map(element)],
      createdBy: "moescope",
      kvMetadata: [
        { key: "row", value: about },
        ...columns.map(({ name, about }) => ({ key: `column:${name}`, value: about })),
      ],
    });
  }

  async write(rows: Iterable<readonly Cell[]>): Promise<void> {
    for (const row of rows) {
      for (const [index, { type }] of this.#columns.entries()) {
        const cell = row[index]!;
        this.#group[index]!.push(type === "whole" && cell !== null ? BigInt(cell) : cell);
      }
      if (this.#group[0]!.length >= ROWS_IN_GROUP) await this.#writeGroup();
    }
  }

  async close(): Promise<void> {
    await this.#writeGroup();
    await this.#writer.finish();
  }

  async #writeGroup(): Promise<void> {
    const columnData = this.#columns.map(({ name }, index) => ({ name, data: this.#group[index]! }));
    await this.#writer.write({ columnData, rowGroupSize: ROWS_IN_GROUP });
    this.#group = this.#columns.map(() => []);
  }
}

function element({ name, type, nullable }: Column) {
  return { name, ...physical[type], repetition_type: nullable ? ("OPTIONAL" as const) : ("REQUIRED" as const) };
}
