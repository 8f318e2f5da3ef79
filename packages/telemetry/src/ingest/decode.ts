// Bytes into messages. Almost all of a message is packed counts and floats, which are read here faster than the library does.
import { v1 } from "@moescope/proto";
import protobuf from "protobufjs/minimal.js";

/** @returns an Error when the bytes are no ReportRequest */
export function decoded(bytes: Uint8Array): v1.ReportRequest | Error {
  try {
    return v1.ReportRequest.decode(new PackedReader(bytes));
  } catch (error) {
    return error as Error;
  }
}

class PackedReader extends protobuf.Reader {
  /** Varints of up to 32 bits; what lies above is cut off, as the library does. */
  override uint32s(array: number[] = []): number[] {
    const end = this.#end();
    const { buf } = this;
    let at = array.length;
    // A varint ends with the byte below 128.
    array.length += countBelow128(buf, this.pos, end);
    if (this.pos < end && buf[end - 1]! > 127) throw new RangeError("a packed field ends in the middle of a number");
    let pos = this.pos;
    while (pos < end) {
      let byte = buf[pos++]!;
      let value = byte & 127;
      for (let shift = 7; byte > 127; shift += 7) {
        byte = buf[pos++]!;
        if (shift > 63) throw new RangeError("a packed number has more than 10 bytes");
        if (shift < 32) value = (value | ((byte & 127) << shift)) >>> 0;
      }
      array[at++] = value;
    }
    this.pos = pos;
    return array;
  }

  override floats(array: number[] = []): number[] {
    const end = this.#end();
    if ((end - this.pos) % 4 !== 0) throw new RangeError("a packed field ends in the middle of a number");
    const floats = new Float32Array(Uint8Array.prototype.slice.call(this.buf, this.pos, end).buffer);
    const at = array.length;
    array.length += floats.length;
    for (let index = 0; index < floats.length; index++) array[at + index] = floats[index]!;
    this.pos = end;
    return array;
  }

  /** Reads the length of a packed field. @returns where it ends */
  #end(): number {
    const length = this.uint32();
    const end = this.pos + length;
    if (end > this.len) throw new RangeError(`a packed field of ${length} bytes in a message that ends before`);
    return end;
  }
}

function countBelow128(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let index = from; index < to; index++) if (bytes[index]! < 128) count++;
  return count;
}
