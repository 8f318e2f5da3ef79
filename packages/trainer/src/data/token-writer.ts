// Appends tokens to a file through a buffer.
import { closeSync, openSync, writeSync } from "node:fs";
import type { TokenWidth } from "./stored-tokens.ts";

const bufferTokens = 2 ** 18;

const arrays = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array };

export class TokenWriter {
  /** Tokens written. */
  length = 0;
  readonly #file: number;
  readonly #buffer: Uint8Array | Uint16Array | Uint32Array;
  #buffered = 0;

  constructor(path: string, width: TokenWidth) {
    this.#file = openSync(path, "wx");
    this.#buffer = new arrays[width](bufferTokens);
  }

  write(tokens: ArrayLike<number>): void {
    for (let at = 0; at < tokens.length; at++) this.push(tokens[at]!);
  }

  push(token: number): void {
    if (this.#buffered === bufferTokens) this.#flush();
    this.#buffer[this.#buffered++] = token;
    this.length++;
  }

  close(): void {
    try {
      this.#flush();
    } finally {
      closeSync(this.#file);
    }
  }

  #flush(): void {
    const { buffer, BYTES_PER_ELEMENT } = this.#buffer;
    const bytes = new Uint8Array(buffer, 0, this.#buffered * BYTES_PER_ELEMENT);
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#file, bytes, done);
    this.#buffered = 0;
  }
}
