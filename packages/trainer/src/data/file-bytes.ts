// The bytes and the characters of a file, chunk by chunk, unpacked where it is gzip.
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { DataError, unreadable } from "./data-error.ts";
import type { SourceFile } from "./source-files.ts";

/** Small, so that what was read dies young instead of piling up until memory is swept. */
const chunkBytes = 2 ** 16;
const smallestChunk = 2 ** 12;

/** @throws DataError when the file cannot be read or unpacked */
export async function* bytesOf({ name, path, size, gzip }: SourceFile): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: Math.min(chunkBytes, Math.max(smallestChunk, size)) });
  // The generator hears of an error by reading on; the callback only keeps it from being thrown twice.
  const bytes = gzip ? pipeline(file, createGunzip({ chunkSize: chunkBytes }), () => {}) : file;
  try {
    for await (const chunk of bytes) yield chunk as Buffer;
  } catch (cause) {
    if (!(cause as NodeJS.ErrnoException).code?.startsWith("Z_")) unreadable(name)(cause);
    throw new DataError(`${name} is not valid gzip: ${(cause as Error).message}`, { cause });
  } finally {
    file.destroy();
  }
}

/** Whole characters. @throws DataError when the bytes are not UTF-8 as well */
export async function* charactersOf(file: SourceFile): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (bytes?: Uint8Array) => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch (cause) {
      throw new DataError(`${file.name} is not valid UTF-8; text in UTF-8 is allowed`, { cause });
    }
  };
  for await (const chunk of bytesOf(file)) yield decode(chunk);
  yield decode();
}
