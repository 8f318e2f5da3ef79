// Messages on a byte stream, each preceded by its length as a varint.

/** Longest message accepted, bytes: a length beyond it means that the stream is not what it should be. */
const LONGEST_MESSAGE = 64 * 2 ** 20;

/** Cuts the chunks of a stream into messages. Holds at most one unfinished message. */
export class DelimitedDecoder {
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #needed = 1;

  /**
   * @param chunk next bytes of the stream
   * @returns the messages that the chunk completes, without their lengths
   * @throws RangeError when a length is over 64 MiB
   */
  push(chunk: Uint8Array): Uint8Array[] {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes < this.#needed) return [];
    const { messages, rest, needed } = split(this.#takeAll());
    this.#pending = rest.length > 0 ? [rest] : [];
    this.#pendingBytes = rest.length;
    this.#needed = needed;
    return messages;
  }

  #takeAll(): Uint8Array {
    if (this.#pending.length === 1) return this.#pending[0]!;
    const all = new Uint8Array(this.#pendingBytes);
    let offset = 0;
    for (const part of this.#pending) {
      all.set(part, offset);
      offset += part.length;
    }
    return all;
  }
}

function split(bytes: Uint8Array): { messages: Uint8Array[]; rest: Uint8Array; needed: number } {
  const messages: Uint8Array[] = [];
  let offset = 0;
  for (;;) {
    const length = readVarint(bytes, offset);
    if (length === undefined) return { messages, rest: bytes.subarray(offset), needed: bytes.length - offset + 1 };
    if (length.value > LONGEST_MESSAGE) {
      throw new RangeError(`a message of ${length.value} bytes is announced; at most ${LONGEST_MESSAGE} are allowed`);
    }
    const end = length.end + length.value;
    if (end > bytes.length) return { messages, rest: bytes.subarray(offset), needed: end - offset };
    messages.push(bytes.subarray(length.end, end));
    offset = end;
  }
}

function readVarint(bytes: Uint8Array, start: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let index = start, scale = 1; index < bytes.length; index++, scale *= 128) {
    value += (bytes[index]! & 0x7f) * scale;
    if (bytes[index]! < 0x80) return { value, end: index + 1 };
    if (index - start >= 9) throw new RangeError("a message length is longer than ten bytes");
  }
  return undefined;
}
