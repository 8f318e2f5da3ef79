// Rows as a block of ClickHouse's Native format: column after column in binary, which the engine reads by copying.
//
// A block is the numbers of columns and rows, then for each column its name, its type and its values; lengths are varints, an array
// column is the ends of its arrays followed by all their items (https://clickhouse.com/docs/interfaces/formats/Native).

const ENUMS = {
  Split: "Enum8('TRAIN' = 1, 'EVAL' = 2, 'PROBE' = 3)",
  Outcome: "Enum8('FINISHED' = 1, 'STOPPED' = 2, 'FAILED' = 3)",
} as const;

type ScalarType = "String" | "UInt32" | "UInt64" | "Int32" | "Float32" | "Float64" | keyof typeof ENUMS;
type ItemType = "String" | "UInt32" | "UInt64" | "Float32" | "Float64";
export type ColumnType = ScalarType | `Array(${ItemType})`;

/** Names of columns and their types; the engine converts to the types of the table. */
export type Columns = Readonly<Record<string, ColumnType>>;

export type Cell = string | number | readonly string[] | readonly number[];

/**
 * @param rows one array for each row, in the order of the columns; numbers of enums are those of the messages
 * @returns the block in pieces, to be written one after the other
 */
export function nativeBlock(columns: Columns, rows: readonly (readonly Cell[])[]): Uint8Array[] {
  const entries = Object.entries(columns);
  const pieces: Uint8Array[] = [Uint8Array.from([...varint(entries.length), ...varint(rows.length)])];
  for (const [index, [name, type]] of entries.entries()) {
    const values: readonly unknown[] = rows.map((row) => row[index]!);
    pieces.push(text(name), text(type in ENUMS ? ENUMS[type as keyof typeof ENUMS] : type));
    if (type.startsWith("Array("))
      pieces.push(...arrays(values as (readonly unknown[])[], type.slice(6, -1) as ItemType));
    else pieces.push(items(values, type as ScalarType));
  }
  return pieces;
}

function arrays(values: readonly (readonly unknown[])[], type: ItemType): Uint8Array[] {
  let end = 0;
  const ends = values.map((array) => {
    end += array.length;
    return end;
  });
  return [unsigned64(ends), type === "String" ? texts(values.flat() as string[]) : joined(values, end, type)];
}

/** The arrays' numbers, one array after the other. */
function joined(
  values: readonly (readonly unknown[])[],
  length: number,
  type: Exclude<ItemType, "String">,
): Uint8Array {
  if (type === "UInt64") return unsigned64(values.flat() as number[]);
  const target = new { UInt32: Uint32Array, Float32: Float32Array, Float64: Float64Array }[type](length);
  let position = 0;
  for (const array of values as readonly (readonly number[])[]) {
    target.set(array, position);
    position += array.length;
  }
  return bytesOf(target);
}

function items(values: readonly unknown[], type: ScalarType): Uint8Array {
  if (type === "String") return texts(values as string[]);
  const numbers = values as number[];
  if (type === "UInt64") return unsigned64(numbers);
  if (type === "UInt32") return bytesOf(Uint32Array.from(numbers));
  if (type === "Int32") return bytesOf(Int32Array.from(numbers));
  if (type === "Float32") return bytesOf(Float32Array.from(numbers));
  if (type === "Float64") return bytesOf(Float64Array.from(numbers));
  return bytesOf(Int8Array.from(numbers));
}

const HALF = 2 ** 32;

/** @param numbers integers up to 2^53 */
function unsigned64(numbers: readonly number[]): Uint8Array {
  const halves = new Uint32Array(numbers.length * 2);
  for (const [index, number] of numbers.entries()) {
    halves[2 * index] = number;
    halves[2 * index + 1] = number / HALF;
  }
  return bytesOf(halves);
}

function texts(values: readonly string[]): Uint8Array {
  return Buffer.concat(values.map(text));
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value);
  return Buffer.concat([Uint8Array.from(varint(bytes.length)), bytes]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
}

// The format is little-endian, as is every processor that the engine runs on.
function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
}
