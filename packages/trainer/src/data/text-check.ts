// What counts as text: bytes that are valid UTF-8 without NUL.
import { isUtf8 } from "node:buffer";
import { DataError } from "./data-error.ts";

export function isText(bytes: Uint8Array): boolean {
  return !bytes.includes(0) && isUtf8(bytes);
}

/** Checks a file of any size chunk by chunk. */
export class TextCheck {
  readonly #name: string;
  #position = 0;
  /** The beginning of a character whose end is in the next chunk. */
  #carried = new Uint8Array();

  constructor(name: string) {
    this.#name = name;
  }

  /** @throws DataError at the first NUL, or when the bytes are not UTF-8 */
  push(chunk: Uint8Array): void {
    const nul = chunk.indexOf(0);
    if (nul !== -1) {
      throw new DataError(
        `${this.#name} is a binary file (NUL at byte ${this.#position + nul}); text in UTF-8, JSONL, Parquet and gzip are allowed`,
      );
    }
    this.#position += chunk.length;
    const bytes = this.#carried.length > 0 ? Buffer.concat([this.#carried, chunk]) : chunk;
    const whole = bytes.length - openCharacter(bytes);
    if (!isUtf8(bytes.subarray(0, whole))) this.#refuse();
    this.#carried = bytes.slice(whole);
  }

  end(): void {
    if (this.#carried.length > 0) this.#refuse();
  }

  #refuse(): never {
    throw new DataError(`${this.#name} is not valid UTF-8; text in UTF-8 is allowed`);
  }
}

/** @returns how many bytes at the end begin a character that is longer than they are */
function openCharacter(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
  }
  return 0;
}
