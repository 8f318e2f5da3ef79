// Rows as a block of ClickHouse's Native format: column after column in binary, which the engine reads by copying.
//
// A block is the numbers of columns and rows, then for each column its name, its type and its values; lengths are varints, an array
// column is the ends of its arrays followed by all their items (https://clickhouse.com/docs/interfaces/formats/Native).

import type { Block } from "./database.ts";

const ENUMS = {
  Split: "Enum8('TRAIN' = 1, 'EVAL' = 2, 'PROBE' = 3, 'ROLLOUT' = 4)",
  Outcome: "Enum8('FINISHED' = 1, 'STOPPED' = 2, 'FAILED' = 3)",
} as const;

type ScalarType = "String" | "UInt32" | "UInt64" | "Int32" | "Float32" | "Float64" | keyof typeof ENUMS;
type ItemType = "String" | "UInt8" | "UInt16" | "UInt32" | "UInt64" | "Float32" | "Float64";
export type ColumnType = ScalarType | `Array(${ItemType})` | "LowCardinality(String)";

/** Names of columns and their types; the engine converts to the types of the table. */
export type Columns = Readonly<Record<string, ColumnType>>;

export type Cell = string | number | readonly string[] | ArrayLike<number>;

/** Takes in the values of a column, binary from the start: ordinary arrays of them would keep the garbage collector busy. */
interface Column {
  /** Values so far. */
  readonly length: number;
  add(cell: Cell): void;
  /** The values, one piece after the other; the column is done with. */
  pieces(): Uint8Array[];
}

/** The columns of a block in the making, by name. */
export type ColumnsOf<Types extends Columns> = { readonly [Name in keyof Types]: ColumnOf<Types[Name]> };

type ColumnOf<Type extends ColumnType> = Type extends "LowCardinality(String)"
  ? FewTexts
  : Type extends `Array(${infer Item extends ItemType})`
    ? Arrays<ItemsOf<Item>>
    : ItemsOf<Type & (ScalarType | ItemType)>;

type ItemsOf<Type extends ScalarType | ItemType> = Type extends "String"
  ? Texts
  : Type extends "UInt64"
    ? Unsigned64
    : Numbers;

/** A block in the making, row by row or column by column; numbers of enums are those of the messages. */
export class BlockWriter<Types extends Columns> {
  readonly columns: ColumnsOf<Types>;
  readonly #types: Types;
  readonly #inOrder: readonly Column[];

  constructor(types: Types) {
    this.#types = types;
    const columns = Object.entries(types).map(([name, type]) => [name, columnOf(type)] as const);
    this.columns = Object.fromEntries(columns) as unknown as ColumnsOf<Types>;
    this.#inOrder = columns.map(([, column]) => column);
  }

  get rows(): number {
    return this.#inOrder[0]!.length;
  }

  /** @param row a cell for each column, in order */
  add(...row: Cell[]): void {
    for (let column = 0; column < row.length; column++) this.#inOrder[column]!.add(row[column]!);
  }

  /** The writer is done with. */
  block(): Block {
    return { columns: Object.keys(this.#types), rows: this.rows, bytes: this.rows === 0 ? [] : this.#bytes() };
  }

  #bytes(): Uint8Array[] {
    const entries = Object.entries(this.#types);
    const pieces: Uint8Array[] = [Uint8Array.from([...varint(entries.length), ...varint(this.rows)])];
    for (const [index, [name, type]] of entries.entries()) {
      pieces.push(text(name), text(type in ENUMS ? ENUMS[type as keyof typeof ENUMS] : type));
      for (const piece of this.#inOrder[index]!.pieces()) pieces.push(piece);
    }
    return pieces;
  }
}

function columnOf(type: ColumnType): Column {
  if (type === "LowCardinality(String)") return new FewTexts();
  if (type.startsWith("Array(")) return new Arrays(itemsOf(type.slice(6, -1) as ItemType));
  return itemsOf(type as ScalarType);
}

function itemsOf(type: ScalarType | ItemType): Items {
  if (type === "String") return new Texts();
  if (type === "UInt64") return new Unsigned64();
  return new Numbers(type in ENUMS ? Int8Array : TYPED_ARRAYS[type as keyof typeof TYPED_ARRAYS]);
}

const TYPED_ARRAYS = {
  ...{ UInt8: Uint8Array, UInt16: Uint16Array, UInt32: Uint32Array, Int32: Int32Array },
  ...{ Float32: Float32Array, Float64: Float64Array },
};
type NumberArray = InstanceType<(typeof TYPED_ARRAYS)[keyof typeof TYPED_ARRAYS]> | Int8Array;

/** A column whose cells may also be the items of arrays. */
interface Items extends Column {
  addAll(cells: ArrayLike<Cell>): void;
}

class Arrays<ItemColumn extends Items> implements Column {
  readonly #ends = new Unsigned64();
  readonly #items: ItemColumn;
  #end = 0;

  constructor(items: ItemColumn) {
    this.#items = items;
  }

  get length(): number {
    return this.#ends.length;
  }

  add(cell: Cell): void {
    const array = cell as ArrayLike<Cell>;
    const items = this.begin(array.length);
    if (array.length > 0) items.addAll(array);
  }

  /** Adds an array of so many items. @returns where to add them */
  begin(length: number): ItemColumn {
    this.#end += length;
    this.#ends.add(this.#end);
    return this.#items;
  }

  pieces(): Uint8Array[] {
    return [...this.#ends.pieces(), ...this.#items.pieces()];
  }
}

/** Numbers in the first piece of memory of a column; each further piece has room for twice as many, up to a limit. */
const FIRST_PIECE = 256;
const LARGEST_PIECE = 262_144;

class Numbers implements Items {
  readonly #make: new (
    length: number,
  ) => NumberArray;
  readonly #full: Uint8Array[] = [];
  #piece: NumberArray;
  #used = 0;
  #before = 0;

  constructor(make: new (length: number) => NumberArray) {
    this.#make = make;
    this.#piece = new make(FIRST_PIECE);
  }

  get length(): number {
    return this.#before + this.#used;
  }

  /** Where the numbers lie that were added last. */
  get piece(): NumberArray {
    return this.#piece;
  }

  add(cell: Cell): void {
    if (this.#used === this.#piece.length) this.#next(1);
    this.#piece[this.#used++] = cell as number;
  }

  repeat(value: number, times: number): void {
    const end = this.room(times) + times;
    const piece = this.#piece;
    for (let at = end - times; at < end; at++) piece[at] = value;
  }

  addAll(cells: ArrayLike<Cell>): void {
    const at = this.room(cells.length);
    this.#piece.set(cells as ArrayLike<number>, at);
  }

  /** Adds so many numbers, side by side. @returns where in the piece they are to be written */
  room(length: number): number {
    if (this.#used + length > this.#piece.length) this.#next(length);
    this.#used += length;
    return this.#used - length;
  }

  pieces(): Uint8Array[] {
    return [...this.#full, bytesOf(this.#piece.subarray(0, this.#used))];
  }

  #next(least: number): void {
    this.#full.push(bytesOf(this.#piece.subarray(0, this.#used)));
    this.#before += this.#used;
    this.#piece = new this.#make(Math.max(least, Math.min(LARGEST_PIECE, 2 * this.#piece.length)));
    this.#used = 0;
  }
}

const HALF = 2 ** 32;

/** Integers up to 2^53. */
class Unsigned64 implements Items {
  readonly #halves = new Numbers(Uint32Array);

  get length(): number {
    return this.#halves.length / 2;
  }

  add(cell: Cell): void {
    this.#halves.add((cell as number) % HALF);
    this.#halves.add(Math.floor((cell as number) / HALF));
  }

  repeat(value: number, times: number): void {
    for (let time = 0; time < times; time++) this.add(value);
  }

  addAll(cells: ArrayLike<Cell>): void {
    for (let index = 0; index < cells.length; index++) this.add(cells[index]!);
  }

  pieces(): Uint8Array[] {
    return this.#halves.pieces();
  }
}

class Texts implements Items {
  readonly #texts: string[] = [];

  get length(): number {
    return this.#texts.length;
  }

  add(cell: Cell): void {
    this.#texts.push(cell as string);
  }

  repeat(value: string, times: number): void {
    for (let time = 0; time < times; time++) this.#texts.push(value);
  }

  addAll(cells: ArrayLike<Cell>): void {
    for (let index = 0; index < cells.length; index++) this.add(cells[index]!);
  }

  pieces(): Uint8Array[] {
    return [texts(this.#texts)];
  }
}

/** Layout of a column of few texts: version 1; texts stand before the rows, which are 32-bit numbers of them. */
const [FEW_TEXTS_VERSION, TEXTS_THEN_UINT32] = [1, 2 | (1 << 9) | (1 << 10)];

/** Texts given as bytes, of which many are the same object. */
class FewTexts implements Column {
  readonly #numbers = new Map<Uint8Array, number>();
  readonly #rows = new Numbers(Uint32Array);

  get length(): number {
    return this.#rows.length;
  }

  add(cell: Cell): void {
    const bytes = cell as Uint8Array;
    let number = this.#numbers.get(bytes);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(bytes, number);
    }
    this.#rows.add(number);
  }

  pieces(): Uint8Array[] {
    const head = unsigned64([FEW_TEXTS_VERSION, TEXTS_THEN_UINT32, this.#numbers.size]);
    const texts = [...this.#numbers.keys()].flatMap((bytes) => [Uint8Array.from(varint(bytes.length)), bytes]);
    return [...head, ...texts, ...unsigned64([this.length]), ...this.#rows.pieces()];
  }
}

function unsigned64(values: readonly number[]): Uint8Array[] {
  const column = new Unsigned64();
  column.addAll(values);
  return column.pieces();
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
