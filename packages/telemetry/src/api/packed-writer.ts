// Messages into bytes. The library makes an object of two halves for every 64-bit number, and an answer has hundreds of thousands.
import protobuf from "protobufjs/minimal.js";

const LONGEST_VARINT = 10;

export class PackedWriter extends protobuf.Writer {
  #scratch = new Uint8Array(4096);

  override uint64(value: Parameters<protobuf.Writer["uint64"]>[0]): protobuf.Writer {
    return typeof value === "number" && value < 2 ** 32 ? this.uint32(value) : super.uint64(value);
  }

  /** @param numbers whole, from 0 to 2^53: counts, and sums of them */
  override uint64s(numbers: Parameters<protobuf.Writer["uint64s"]>[0]): protobuf.Writer {
    const values = numbers as ArrayLike<number>;
    const most = values.length * LONGEST_VARINT;
    if (most > this.#scratch.length) this.#scratch = new Uint8Array(2 * most);
    const bytes = this.#scratch;
    let position = 0;
    for (let index = 0; index < values.length; index++) {
      let rest = values[index]!;
      for (; rest >= 2 ** 31; rest = Math.floor(rest / 128)) bytes[position++] = (rest % 128) | 128;
      for (; rest > 127; rest >>>= 7) bytes[position++] = (rest & 127) | 128;
      bytes[position++] = rest;
    }
    return this.bytes(bytes.subarray(0, position));
  }
}
