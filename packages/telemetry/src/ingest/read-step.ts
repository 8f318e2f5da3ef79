// The histograms of a step, read by hand: they are nearly all of what a collector takes in. Their numbers become typed arrays; as ordinary
// arrays, and with the objects that the library makes on the way, they are most of what the garbage collector has to move.
//
// This reads what encoders write, a field once and numbers packed. Whatever else protobuf allows, and whatever is broken, it leaves to the
// library, which reads the whole message again (https://protobuf.dev/programming-guides/encoding/).
import type { v1 } from "@moescope/proto";
import type { NumberMemory } from "./number-memory.ts";

/** The histograms of a step, and the bytes of its other fields. */
export interface ReadStep {
  histograms: v1.RoutingHistogram[];
  rest: Uint8Array;
}

/**
 * @param bytes of a ReportRequest
 * @param memory takes in the numbers of every category
 * @param mostFields beyond which it is given up
 * @returns undefined where the library should read it
 */
export function readStep(bytes: Uint8Array, memory: NumberMemory, mostFields: number): ReadStep | undefined {
  try {
    return new StepReader(bytes, memory, mostFields).step();
  } catch (error) {
    if (error === UNUSUAL) return undefined;
    throw error;
  }
}

const UNUSUAL = new Error("left to the library");

/** How a field is written; the low three bits of its tag. */
const [VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES] = [0, 1, 2, 5];

/** The tags of what is read here, as step.proto and collector.proto number it. */
const REQUEST_STEP = (2 << 3) | LENGTH;
const STEP_HISTOGRAM = (10 << 3) | LENGTH;
const HISTOGRAM = {
  ...{ layer: (1 << 3) | VARINT, category: (2 << 3) | LENGTH, selectionBias: (3 << 3) | LENGTH },
  ...{ gateMass: (4 << 3) | LENGTH, meanProbability: (5 << 3) | LENGTH },
};
const CATEGORY = {
  ...{ category: (1 << 3) | VARINT, counts: (2 << 3) | LENGTH, tokens: (3 << 3) | VARINT, dropped: (4 << 3) | VARINT },
  ...{ gateMass: (5 << 3) | LENGTH, meanProbability: (6 << 3) | LENGTH },
  ...{ droppedCounts: (7 << 3) | LENGTH, assignments: (8 << 3) | VARINT },
};

// The generated types say number[]; what is done with them holds for both (index, length, iteration).
type Numbers = number[];
/** A field that is not there: one array for all, because a message lives until it is stored, and so do its hundreds of arrays. */
const NONE: Numbers = Object.freeze([]) as never;

const newFloats = (length: number) => new Float32Array(length);

class StepReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #memory: NumberMemory;
  readonly #inMemory: (length: number) => Float32Array;
  readonly #mostFields: number;
  #position = 0;
  #fields = 0;

  constructor(bytes: Uint8Array, memory: NumberMemory, mostFields: number) {
    this.#bytes = bytes;
    this.#memory = memory;
    this.#inMemory = (length) => memory.float32s(length);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#mostFields = mostFields;
  }

  step(): ReadStep {
    const end = this.#bytes.length;
    if (this.#tag(end) !== REQUEST_STEP || this.#end(end) !== end) throw UNUSUAL;
    const histograms: v1.RoutingHistogram[] = [];
    const others: Uint8Array[] = [];
    while (this.#position < end) {
      const start = this.#position;
      const tag = this.#tag(end);
      if (tag === STEP_HISTOGRAM) {
        histograms.push(this.#histogram(this.#end(end)));
      } else {
        this.#skip(tag, end);
        others.push(this.#bytes.subarray(start, this.#position));
      }
    }
    return { histograms, rest: Buffer.concat(others) };
  }

  #histogram(end: number): v1.RoutingHistogram {
    let layer = 0;
    let selectionBias = NONE;
    let gateMass = NONE;
    let meanProbability = NONE;
    const categories: v1.CategoryRouting[] = [];
    while (this.#position < end) {
      const tag = this.#tag(end);
      if (tag === HISTOGRAM.layer) layer = this.#uint32(end);
      else if (tag === HISTOGRAM.category) categories.push(this.#category(this.#end(end)));
      // Not in the message's memory: sums keep the newest.
      else if (tag === HISTOGRAM.selectionBias) selectionBias = this.#floats(selectionBias, end, newFloats);
      else if (tag === HISTOGRAM.gateMass) gateMass = this.#floats(gateMass, end, this.#inMemory);
      else if (tag === HISTOGRAM.meanProbability) meanProbability = this.#floats(meanProbability, end, this.#inMemory);
      else throw UNUSUAL;
    }
    return { layer, categories, selectionBias, gateMass, meanProbability } as v1.RoutingHistogram;
  }

  #category(end: number): v1.CategoryRouting {
    let [category, tokens, dropped, assignments] = [0, 0, 0, 0];
    let counts = NONE;
    let droppedCounts = NONE;
    let gateMass = NONE;
    let meanProbability = NONE;
    while (this.#position < end) {
      const tag = this.#tag(end);
      if (tag === CATEGORY.category) category = this.#uint32(end);
      else if (tag === CATEGORY.counts) counts = this.#uint32s(counts, end);
      else if (tag === CATEGORY.tokens) tokens = this.#varint(end);
      else if (tag === CATEGORY.dropped) dropped = this.#varint(end);
      else if (tag === CATEGORY.gateMass) gateMass = this.#floats(gateMass, end, this.#inMemory);
      else if (tag === CATEGORY.meanProbability) meanProbability = this.#floats(meanProbability, end, this.#inMemory);
      else if (tag === CATEGORY.droppedCounts) droppedCounts = this.#uint32s(droppedCounts, end);
      else if (tag === CATEGORY.assignments) assignments = this.#varint(end);
      else throw UNUSUAL;
    }
    // Not by the constructor, which makes three arrays that are not needed.
    const numbers = { category, counts, tokens, dropped, gateMass, meanProbability, droppedCounts, assignments };
    return numbers as v1.CategoryRouting;
  }

  #tag(end: number): number {
    if (++this.#fields > this.#mostFields) throw UNUSUAL;
    return this.#uint32(end);
  }

  /** Reads the length of a field. @returns where it ends */
  #end(limit: number): number {
    const end = this.#varint(limit) + this.#position;
    if (end > limit) throw UNUSUAL;
    return end;
  }

  #skip(tag: number, end: number): void {
    const wireType = tag & 7;
    if (wireType === VARINT) this.#varint(end);
    else if (wireType === LENGTH) this.#position = this.#end(end);
    else if (wireType === EIGHT_BYTES) this.#position += 8;
    else if (wireType === FOUR_BYTES) this.#position += 4;
    else throw UNUSUAL;
    if (this.#position > end) throw UNUSUAL;
  }

  #uint32(end: number): number {
    const value = this.#varint(end);
    if (value >= 2 ** 32) throw UNUSUAL;
    return value;
  }

  /** A number below 2^49. */
  #varint(end: number): number {
    let value = 0;
    for (let factor = 1; factor < 2 ** 49 && this.#position < end; factor *= 128) {
      const byte = this.#bytes[this.#position++]!;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw UNUSUAL;
  }

  /** @param before what the field held so far: nothing, or it is there twice */
  #uint32s(before: Numbers, limit: number): Numbers {
    const end = this.#end(limit);
    const bytes = this.#bytes;
    const view = this.#view;
    let position = this.#position;
    // At most a number a byte; the rest of the room is for the next field.
    const room = this.#memory.room(end - position);
    const first = this.#memory.next;
    let next = first;
    if (before.length > 0 || (position < end && bytes[end - 1]! > 127)) throw UNUSUAL;
    while (position < end) {
      // Nearly all have two bytes: two such numbers are recognised by the highest bits of the four, in half the time.
      while (position + 4 <= end) {
        const four = view.getInt32(position, true);
        if ((four & 0x80808080) !== 0x00800080) break;
        room[next] = (four & 0x7f) | ((four >>> 1) & 0x3f80);
        room[next + 1] = ((four >>> 16) & 0x7f) | ((four >>> 17) & 0x3f80);
        next += 2;
        position += 4;
      }
      if (position === end) break;
      let byte = bytes[position++]!;
      if (byte < 128) {
        room[next++] = byte;
        continue;
      }
      let value = byte & 127;
      byte = bytes[position++]!;
      value |= (byte & 127) << 7;
      for (let shift = 14; byte > 127; shift += 7) {
        byte = bytes[position++]!;
        if (shift > 28 || (shift === 28 && byte > 15)) throw UNUSUAL;
        value |= (byte & 127) << shift;
      }
      room[next++] = value;
    }
    this.#position = end;
    return this.#memory.uint32s(next - first) as ArrayLike<number> as Numbers;
  }

  /** @param before as for `#uint32s` */
  #floats(before: Numbers, limit: number, allocate: (length: number) => Float32Array): Numbers {
    const end = this.#end(limit);
    const length = (end - this.#position) / 4;
    if (before.length > 0 || !Number.isInteger(length)) throw UNUSUAL;
    const floats = allocate(length);
    new Uint8Array(floats.buffer, floats.byteOffset, 4 * length).set(this.#bytes.subarray(this.#position, end));
    this.#position = end;
    return floats as ArrayLike<number> as Numbers;
  }
}
