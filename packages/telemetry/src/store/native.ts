// Rows as a block of ClickHouse's Native format: column after column in binary, which the engine reads by copying.
//
// A block is the numbers of columns and rows, then for each column its name, its type and its values; lengths are varints, an array
// column is the ends of its arrays followed by all their items (https://clickhouse.com/docs/interfaces/formats/Native).

const ENUMS = {
  Split: "Enum8('TRAIN' = 1, 'EVAL' = 2, 'PROBE' = 3)",
  Outcome: "Enum8('FINISHED' = 1, 'STOPPED' = 2, 'FAILED' = 3)",
} as const;

type ScalarType = "String" | "UInt32" | "UInt64" | "Int32" | "Float32" | "Float64" | keyof typeof ENUMS;
type ItemType = "String" | "UInt8" | "UInt32" | "UInt64" | "Float32" | "Float64";
export type ColumnType = ScalarType | `Array(${ItemType})`;

/** Names of columns and their types; the engine converts to the types of the table. */
export type Columns = Readonly<Record<string, ColumnType>>;

export type Cell = string | number | readonly string[] | ArrayLike<number>;

/**
 * @param values one array for each column, as long as there are rows; numbers of enums are those of the messages
 * @returns the block in pieces, to be written one after the other
 */
export function nativeBlock(columns: Columns, values: readonly (readonly Cell[])[]): Uint8Array[] {
  const entries = Object.entries(columns);
  const pieces: Uint8Array[] = [Uint8Array.from([...varint(entries.length), ...varint(values[0]!.length)])];
  for (const [index, [name, type]] of entries.entries()) {
    pieces.push(text(name), text(type in ENUMS ? ENUMS[type as keyof typeof ENUMS] : type));
    const cells: readonly unknown[] = values[index]!;
    if (type.startsWith("Array(")) {
      pieces.push(...arrays(cells as (readonly unknown[])[], type.slice(6, -1) as ItemType));
    } else {
      pieces.push(items(cells, type as ScalarType));
    }
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
  if (type === "UInt64") return unsigned64s(values as readonly (readonly number[])[], length);
  const target = new { UInt8: Uint8Array, UInt32: Uint32Array, Float32: Float32Array, Float64: Float64Array }[type](
    length,
  );
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
  return unsigned64s([numbers], numbers.length);
}

function unsigned64s(arrays: readonly (readonly number[])[], length: number): Uint8Array {
  const halves = new Uint32Array(length * 2);
  let position = 0;
  for (const array of arrays) {
    for (let index = 0; index < array.length; index++) {
      const number = array[index]!;
      halves[position++] = number;
      halves[position++] = number / HALF;
    }
  }
  return bytesOf(halves);
}

function texts(values: readonly string[]): Uint8Array {
  // Most columns of text are the name of a run, again and again.
  const encoded = new Map<string, Uint8Array>([...new Set(values)].map((value) => [value, text(value)]));
  const all = new Uint8Array(values.reduce((length, value) => length + encoded.get(value)!.length, 0));
  let position = 0;
  for (const value of values) {
    const bytes = encoded.get(value)!;
    all.set(bytes, position);
    position += bytes.length;
  }
  return all;
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
