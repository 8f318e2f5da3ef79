// Long strings of tokens of which any stretch can be read: in memory, in a file by position, or several in a row.
import { closeSync, openSync, readSync } from "node:fs";
import { DataError } from "./data-error.ts";

export interface StoredTokens {
  readonly length: number;
  /** Fills `tokens` with the stretch that begins at `start`; the caller sees to it that it ends within `length`. */
  read(start: number, tokens: Int32Array): void;
}

/** Bytes of a token in a file: unsigned, little-endian like every machine that TensorFlow runs on. */
export type TokenWidth = 1 | 2 | 4;

export interface TokenFile {
  path: string;
  /** Tokens. */
  length: number;
  width: TokenWidth;
}

export function tokensInMemory(tokens: Uint8Array): StoredTokens {
  return {
    length: tokens.length,
    read: (start, into) => into.set(tokens.subarray(start, start + into.length)),
  };
}

/** Reads by position; what is read often stays in the memory of the system, not in this process. */
export function tokensInFile({ path, length, width }: TokenFile): StoredTokens {
  return {
    length,
    read(start, into) {
      const bytes = new Uint8Array(into.length * width);
      readExactly(path, start * width, bytes);
      into.set(width === 1 ? bytes : width === 2 ? new Uint16Array(bytes.buffer) : new Uint32Array(bytes.buffer));
    },
  };
}

/**
 * Several in a row.
 *
 * @param end token after each of them; none when absent
 */
export function joinTokens(parts: readonly StoredTokens[], end?: number): StoredTokens {
  const gap = end === undefined ? 0 : 1;
  const starts = new Float64Array(parts.length + 1);
  for (const [index, part] of parts.entries()) starts[index + 1] = starts[index]! + part.length + gap;
  return {
    length: starts.at(-1)!,
    read(start, into) {
      let at = 0;
      for (let index = partAt(starts, start); at < into.length; index++) {
        const part = parts[index]!;
        const within = start + at - starts[index]!;
        const count = Math.min(part.length - within, into.length - at);
        if (count > 0) part.read(within, into.subarray(at, at + count));
        at += Math.max(count, 0);
        if (gap && at < into.length) into[at++] = end!;
      }
    },
  };
}

/** Tokens `from` … `to` − 1. */
export function partOf(tokens: StoredTokens, from: number, to: number): StoredTokens {
  return { length: to - from, read: (start, into) => tokens.read(from + start, into) };
}

/** Fills `bytes` from the given position of a file. */
export function readExactly(path: string, position: number, bytes: Uint8Array): void {
  const file = openSync(path, "r");
  try {
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(file, bytes, done, bytes.length - done, position + done);
      if (read === 0) throw new DataError(`${path} became shorter during training: nothing at byte ${position + done}`);
      done += read;
    }
  } finally {
    closeSync(file);
  }
}

/** @returns the last part that starts at or before `position` and is not skipped by one of length 0 */
function partAt(starts: Float64Array, position: number): number {
  let low = 0;
  let high = starts.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}
