// A backup: the messages of a run as its collector reads them back, length-delimited and compressed with gzip. It begins with the run's
// description.
import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { createGunzip, createGzip } from "node:zlib";
import { DelimitedDecoder } from "@moescope/dashboard/api";
import { v1 } from "@moescope/proto";
import { Failure } from "../failure.ts";

/** Writes what a collector sends; the file appears when it is whole. */
export async function writeBackup(messages: ReadableStream<Uint8Array>, path: string): Promise<void> {
  const draft = `${path}.partial`;
  try {
    await pipeline(Readable.fromWeb(messages), createGzip(), createWriteStream(draft));
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/**
 * Messages of a backup in their order, the description as a Hello first.
 *
 * @throws Failure when the file is no backup, or is cut off
 */
export async function* readBackup(path: string): AsyncGenerator<v1.ReportRequest> {
  const file = createReadStream(path);
  const bytes = file.pipe(createGunzip());
  // The pipe does not hand errors on.
  file.on("error", (error) => bytes.destroy(error));
  const decoder = new DelimitedDecoder();
  try {
    for await (const chunk of bytes) for (const message of decoder.push(chunk)) yield v1.ReportRequest.decode(message);
  } catch (error) {
    throw new Failure(`${path} cannot be read as a backup: ${(error as Error).message}`, { cause: error });
  }
}
