// Reads answers in ClickHouse's Native format: numbers become typed arrays, where text would be parsed into many small objects.
//
// An answer is blocks, one after the other; for the form of a block see native.ts.

/** Numbers, an array of numbers for each row, or texts. */
export type Column = ArrayLike<number> | readonly ArrayLike<number>[] | readonly string[];

/** Some rows of an answer: a column for each one selected, in order. */
export interface AnswerBlock {
  rows: number;
  columns: Column[];
}

/** @throws TypeError for a column of a type that is not read here */
export function answerBlocks(bytes: Uint8Array): AnswerBlock[] {
  const reader = new Reader(bytes);
  const blocks: AnswerBlock[] = [];
  while (!reader.done) {
    const [columns, rows] = [reader.varint(), reader.varint()];
    blocks.push({
      rows,
      columns: Array.from({ length: columns }, () => {
        reader.text(); // its name
        return reader.column(reader.text(), rows);
      }),
    });
  }
  return blocks;
}

const NUMBERS = {
  UInt8: Uint8Array,
  UInt16: Uint16Array,
  UInt32: Uint32Array,
  Float32: Float32Array,
  Float64: Float64Array,
};

class Reader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#position === this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.#position++]!;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  text(): string {
    return Buffer.from(this.#take(this.varint())).toString();
  }

  column(type: string, rows: number): Column {
    const [, item] = /^Array\((.*)\)$/.exec(type) ?? [];
    if (item === undefined)
      return type === "String" ? Array.from({ length: rows }, () => this.text()) : this.#numbers(type, rows);
    const ends = this.#numbers("UInt64", rows) as Float64Array;
    const items = this.#numbers(item, ends[rows - 1] ?? 0);
    return Array.from(ends, (end, row) => items.subarray(row === 0 ? 0 : ends[row - 1]!, end));
  }

  #numbers(type: string, length: number) {
    if (type === "UInt64") return this.#unsigned64(length);
    const Numbers = NUMBERS[type as keyof typeof NUMBERS];
    if (Numbers === undefined) throw new TypeError(`a column of type ${type} in an answer of the store`);
    return new Numbers(this.#take(length * Numbers.BYTES_PER_ELEMENT));
  }

  /** Counts stay below 2^53. */
  #unsigned64(length: number): Float64Array {
    const halves = new Uint32Array(this.#take(length * 8));
    const numbers = new Float64Array(length);
    for (let index = 0; index < length; index++) numbers[index] = halves[2 * index]! + halves[2 * index + 1]! * 2 ** 32;
    return numbers;
  }

  /** A copy, because typed arrays begin at multiples of their items' size. */
  #take(length: number): ArrayBuffer {
    const { buffer, byteOffset } = this.#bytes;
    const from = byteOffset + this.#position;
    if (this.#position + length > this.#bytes.length) throw new RangeError("an answer of the store is cut off");
    this.#position += length;
    return buffer.slice(from, from + length) as ArrayBuffer;
  }
}
