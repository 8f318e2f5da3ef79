// The files in a spool's folder: the opening, and numbered files of frames of which only the last may be torn.
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { decodeFrames, encodeFrame, frameHeaderBytes, readSequence } from "./frames.ts";

export interface ClosedFile {
  name: string;
  /** Sequence numbers of its first and last message. */
  first: number;
  last: number;
  bytes: number;
}

const openingName = "opening";

/** @param index how many files of the spool were begun before */
export function fileName(index: number): string {
  return `${String(index).padStart(8, "0")}.frames`;
}

/** Removes the folder again when it cannot hold the opening. */
export function writeOpening(folder: string, opening: Uint8Array): void {
  try {
    writeFileSync(join(folder, openingName), encodeFrame({ sequence: 0, message: opening }));
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Writes at a place of its own, so that what a failed write left behind is written over. */
export function writeWhole(descriptor: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
  }
}

/** What a process that is gone has left. `opening` is undefined when it is not whole. Files without a whole message are left out. */
export function describeFolder(folder: string): { opening: Uint8Array | undefined; files: ClosedFile[] } {
  const names = readdirSync(folder).sort();
  const [opening] = names.includes(openingName) ? decodeFrames(readFileSync(join(folder, openingName))) : [];
  return {
    opening: opening?.message,
    files: describeFiles(
      folder,
      names.filter((name) => name.endsWith(".frames")),
    ),
  };
}

/** Reads all of the last file, and of the others, which may be many, only where they start. */
function describeFiles(folder: string, names: readonly string[]): ClosedFile[] {
  const files: ClosedFile[] = [];
  for (const name of names.toReversed()) {
    const next = files[0];
    const path = join(folder, name);
    const range = next ? { first: firstSequence(path), last: next.first - 1 } : wholeRange(path);
    if (range) files.unshift({ name, ...range, bytes: statSync(path).size });
  }
  return files;
}

function wholeRange(path: string): { first: number; last: number } | undefined {
  const frames = decodeFrames(readFileSync(path));
  return frames.length === 0 ? undefined : { first: frames[0]!.sequence, last: frames.at(-1)!.sequence };
}

function firstSequence(path: string): number {
  const header = Buffer.alloc(frameHeaderBytes);
  const descriptor = openSync(path, "r");
  try {
    readSync(descriptor, header);
    return readSequence(header, 0);
  } finally {
    closeSync(descriptor);
  }
}
