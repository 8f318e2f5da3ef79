// Files and folders that are still there after the power fails.
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { FileSum } from "./checkpoint.ts";

/** Writes a new file and waits for the disk. @returns its length and checksum */
export function writeDurably(path: string, pieces: readonly Uint8Array[]): FileSum {
  const hash = createHash("sha256");
  const descriptor = openSync(path, "wx");
  let bytes = 0;
  try {
    for (const piece of pieces) {
      for (let done = 0; done < piece.length; ) done += writeSync(descriptor, piece, done);
      hash.update(piece);
      bytes += piece.length;
    }
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** Makes what was created, renamed or removed in a folder last. */
export function syncFolder(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Creates a folder with its parents. */
export function makeFolderDurably(path: string): void {
  const first = mkdirSync(path, { recursive: true });
  if (first === undefined) return;
  for (let created = path; created !== dirname(first); created = dirname(created)) syncFolder(dirname(created));
}
