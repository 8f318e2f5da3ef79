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

/** Stands for an array that needs nothing more. */
const TAKEN: number[] = [];
/** A field without numbers. */
const NONE: number[] = Object.freeze([]) as never;

class PackedReader extends protobuf.Reader {
  /** The arrays that the generated code handed over, each with the number of its place here in it, and what belongs into them. */
  readonly #arrays: number[][] = [];
  readonly #contents: Numbers[] = [];
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
    const place = this.#placeOf(array);
    if (place === undefined) {
      // A message lives until it is stored, and so do its hundreds of empty arrays, unless they are one.
      if (array.length === 0) message[field] = NONE;
      return;
    }
    message[field] = this.#soFar(array, place) as unknown as number[];
    this.#arrays[place] = TAKEN;
  }

  /** Fills all other arrays. */
  finish(): void {
    for (const [place, array] of this.#arrays.entries()) {
      if (this.#placeOf(array) === undefined) continue;
      const numbers = this.#soFar(array, place);
      array.length = 0;
      for (const number of numbers) array.push(number);
    }
  }

  #placeOf(array: number[]): number | undefined {
    const place = array[0];
    return place !== undefined && this.#arrays[place] === array ? place : undefined;
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
      // Nearly all have one byte or two.
      if (byte < 128) {
        arena[next++] = byte;
        continue;
      }
      let value = byte & 127;
      byte = buf[pos++]!;
      value |= (byte & 127) << 7;
      for (let shift = 14; byte > 127; shift += 7) {
        byte = buf[pos++]!;
        if (shift > 63) throw new RangeError("a packed number has more than 10 bytes");
        if (shift < 32) value |= (byte & 127) << shift;
      }
      arena[next++] = value;
    }
    this.pos = pos;
    this.#arenaUsed = next;
    this.#keep(array, arena.subarray(first, next));
    return array;
  }

  override floats(array: number[] = []): number[] {
    const end = this.#end();
    if ((end - this.pos) % 4 !== 0) throw new RangeError("a packed field ends in the middle of a number");
    const { buffer, byteOffset, byteLength } = this.#allocate((end - this.pos) / 4);
    new Uint8Array(buffer, byteOffset, byteLength).set(this.buf.subarray(this.pos, end));
    this.pos = end;
    this.#keep(array, new Float32Array(buffer, byteOffset, byteLength / 4));
    return array;
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

  #keep(array: number[], numbers: Numbers): void {
    if (numbers.length === 0) return;
    const place = this.#placeOf(array);
    if (place !== undefined) {
      this.#contents[place] = joined(this.#soFar(array, place), numbers);
    } else {
      this.#contents.push(array.length === 0 ? numbers : joined(typed(array, numbers), numbers));
      this.#arrays.push(array);
    }
    // Not empty, so that the generated code hands it over again for a field in several parts.
    array.length = 1;
    array[0] = place ?? this.#arrays.length - 1;
  }

  /** A field may come packed and number by number, in turns; the generated code adds single numbers to the array itself. */
  #soFar(array: number[], place: number): Numbers {
    const packed = this.#contents[place]!;
    return array.length === 1 ? packed : joined(packed, typed(array.slice(1), packed));
  }
}

function typed(single: readonly number[], like: Numbers): Numbers {
  return like instanceof Float32Array ? Float32Array.from(single) : Uint32Array.from(single);
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
