// Bytes into messages. Almost all of a message is packed counts and floats, which are read here faster than the library does.
//
// Those of histograms become typed arrays: as ordinary arrays they are most of what the garbage collector has to move, which took more time than
// the decoding. The generated types say number[]; what is done with them holds for both (index, length, iteration).
import { v1 } from "@moescope/proto";
import protobuf from "protobufjs/minimal.js";

/** @returns an Error when the bytes are no ReportRequest */
export function decoded(bytes: Uint8Array): v1.ReportRequest | Error {
  try {
    const reader = new PackedReader(bytes);
    const request = v1.ReportRequest.decode(reader);
    for (const histogram of request.step?.histograms ?? []) {
      reader.unpack(histogram, "selectionBias");
      for (const category of histogram.categories) {
        for (const field of ["counts", "gateMass", "meanProbability"] as const) reader.unpack(category, field);
      }
    }
    reader.finish();
    return request;
  } catch (error) {
    return error as Error;
  }
}

/**
 * Fields in one message. A step of 61 layers × 128 heads with all that is known of each head has 200,000. Two bytes can be a field that
 * takes some hundred in memory: without a limit the largest message would take gigabytes.
 */
const MOST_FIELDS = 1_000_000;

/** Numbers in one allocation; a message has some hundred arrays. */
const ARENA_NUMBERS = 16_384;

type Numbers = Uint32Array | Float32Array;

class PackedReader extends protobuf.Reader {
  /** What belongs into the arrays that the generated code handed over. */
  readonly #contents = new Map<number[], Numbers>();
  #arena = new Uint32Array(0);
  #arenaUsed = 0;
  #fields = 0;

  override tag(): number {
    if (++this.#fields > MOST_FIELDS) throw new RangeError(`more than ${MOST_FIELDS} fields in one message`);
    return super.tag();
  }

  /** Puts the typed array in the place of an array that was read by `uint32s` or `floats`. */
  unpack<Field extends string>(message: Record<Field, number[]>, field: Field): void {
    const array = message[field];
    const packed = this.#contents.get(array);
    if (packed === undefined) return;
    message[field] = this.#soFar(array, packed) as unknown as number[];
    this.#contents.delete(array);
  }

  /** Fills all other arrays. */
  finish(): void {
    for (const [array, packed] of this.#contents) {
      const numbers = this.#soFar(array, packed);
      array.length = 0;
      for (const number of numbers) array.push(number);
    }
  }

  /** Most are short: read without the library's detour through an object of two halves. */
  override uint64(): ReturnType<protobuf.Reader["uint64"]> {
    let value = 0;
    let factor = 1;
    for (let pos = this.pos; pos < this.len && factor < 2 ** 49; factor *= 128) {
      const byte = this.buf[pos++]!;
      value += (byte & 127) * factor;
      if (byte > 127) continue;
      this.pos = pos;
      return value as unknown as ReturnType<protobuf.Reader["uint64"]>;
    }
    return super.uint64();
  }

  /** Varints of up to 32 bits; what lies above is cut off, as the library does. */
  override uint32s(array: number[] = []): number[] {
    const end = this.#end();
    const { buf } = this;
    if (this.pos < end && buf[end - 1]! > 127) throw new RangeError("a packed field ends in the middle of a number");
    // At most a number a byte; what the arena has left over is for the next field.
    this.#reserve(end - this.pos);
    const [arena, first] = [this.#arena, this.#arenaUsed];
    let [pos, next] = [this.pos, first];
    while (pos < end) {
      let byte = buf[pos++]!;
      let value = byte & 127;
      for (let shift = 7; byte > 127; shift += 7) {
        byte = buf[pos++]!;
        if (shift > 63) throw new RangeError("a packed number has more than 10 bytes");
        if (shift < 32) value |= (byte & 127) << shift;
      }
      arena[next++] = value;
    }
    this.pos = pos;
    this.#arenaUsed = next;
    return this.#keep(array, arena.subarray(first, next));
  }

  override floats(array: number[] = []): number[] {
    const end = this.#end();
    if ((end - this.pos) % 4 !== 0) throw new RangeError("a packed field ends in the middle of a number");
    const { buffer, byteOffset, byteLength } = this.#allocate((end - this.pos) / 4);
    new Uint8Array(buffer, byteOffset, byteLength).set(this.buf.subarray(this.pos, end));
    this.pos = end;
    return this.#keep(array, new Float32Array(buffer, byteOffset, byteLength / 4));
  }

  /** Reads the length of a packed field. @returns where it ends */
  #end(): number {
    const length = this.uint32();
    const end = this.pos + length;
    if (end > this.len) throw new RangeError(`a packed field of ${length} bytes in a message that ends before`);
    return end;
  }

  #allocate(length: number): Uint32Array<ArrayBuffer> {
    this.#reserve(length);
    this.#arenaUsed += length;
    return this.#arena.subarray(this.#arenaUsed - length, this.#arenaUsed);
  }

  /** Makes room for that many numbers, side by side. */
  #reserve(length: number): void {
    if (this.#arenaUsed + length <= this.#arena.length) return;
    // Not zeroed: every number that is read from it is written first.
    this.#arena = new Uint32Array(Buffer.allocUnsafeSlow(4 * Math.max(length, ARENA_NUMBERS)).buffer);
    this.#arenaUsed = 0;
  }

  #keep(array: number[], numbers: Numbers): number[] {
    if (numbers.length === 0) return array;
    const before = array.length === 0 ? undefined : this.#soFar(array, numbers);
    // Not empty, so that the generated code hands it over again for a field in several parts.
    array.length = 1;
    this.#contents.set(array, before === undefined ? numbers : joined(before, numbers));
    return array;
  }

  /** A field may come packed and number by number, in turns; the generated code adds single numbers to the array itself. */
  #soFar(array: number[], like: Numbers): Numbers {
    const packed = this.#contents.get(array);
    if (packed !== undefined && array.length === 1) return packed;
    const single = packed === undefined ? array : array.slice(1);
    const numbers = like instanceof Float32Array ? Float32Array.from(single) : Uint32Array.from(single);
    return packed === undefined ? numbers : joined(packed, numbers);
  }
}

function joined(first: Numbers, second: Numbers): Numbers {
  const numbers =
    first instanceof Float32Array
      ? new Float32Array(first.length + second.length)
      : new Uint32Array(first.length + second.length);
  numbers.set(first);
  numbers.set(second, first.length);
  return numbers;
}
