// A directory that a collector writes to: made and checked, with errors that name it and say what to do.
import { constants, existsSync } from "node:fs";
import { access, mkdir, rm, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes the directory where there is none.
 *
 * @throws Error that names what stands in the way: a file, a missing right, a read-only or full disk
 */
export async function prepareDirectory(path: string): Promise<void> {
  try {
    const existing = await nearestExisting(path);
    if (!(await stat(existing)).isDirectory()) throw new Error(`${existing} is a file`);
    // Before `mkdir`, which says of a read-only disk that there is no such directory.
    await access(existing, constants.W_OK | constants.X_OK);
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw isOfFullDisk(error as Error) ? await fullDisk(path, error) : directoryError(path, error as Error);
  }
}

/**
 * @param path of the directory in which something failed
 * @returns the error that a person is told: of a full disk, or of a file in the directory, what to do; any other as it is
 */
export async function explained(error: unknown, path: string): Promise<unknown> {
  if (!(error instanceof Error)) return error;
  if (isOfFullDisk(error)) return fullDisk(path, error);
  const file = (error as NodeJS.ErrnoException).path;
  return file?.startsWith(path) ? directoryError(path, error) : error;
}

/** Whether there is too little room for a collector to start. */
export async function isFull(path: string): Promise<boolean> {
  return (await freeBytes(path)) < START_NEEDS;
}

/** Bytes. A new store takes 900 KiB, and the engine sets aside a mebibyte for each of the first rows. */
const START_NEEDS = 2 * 2 ** 20;

function isOfFullDisk({ code = "", message }: NodeJS.ErrnoException): boolean {
  // Codes of the operating system, and words of the engine.
  return ["ENOSPC", "EDQUOT"].includes(code) || /not enough space|No space left on device/i.test(message);
}

export async function fullDisk(path: string, cause?: unknown): Promise<Error> {
  const [free, needed] = [await freeBytes(path), START_NEEDS].map((bytes) => `${Math.floor(bytes / 1024)} KiB`);
  return new Error(
    `the disk of ${path} is full: ${free} are free, and a collector needs ${needed} to start; make room there, or choose another directory`,
    { cause },
  );
}

function directoryError(path: string, error: NodeJS.ErrnoException): Error {
  const reason = REASONS[error.code ?? ""] ?? error.message;
  return new Error(`directory ${path} cannot be used: ${reason}; choose another one`, { cause: error });
}

const REASONS: Record<string, string> = {
  EACCES: "this user has no right to write there",
  EPERM: "this user has no right to write there",
  EROFS: "it is on a file system that can only be read",
  ELOOP: "its symbolic links lead in a circle",
};

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(await nearestExisting(path));
  return bavail * bsize;
}

/** The path, or the part of it that is there. */
async function nearestExisting(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["ENOENT", "ENOTDIR"].includes(code) || dirname(path) === path) throw error;
    return nearestExisting(dirname(path));
  }
}

/** A directory that is removed again when what makes it fails. */
export class NewDirectory {
  readonly #path: string;
  #kept: boolean;

  /** @param wanted whether it is going to be made; one that is there already is never removed */
  constructor(path: string, wanted: boolean) {
    this.#path = path;
    this.#kept = !wanted || existsSync(path);
  }

  keep(): void {
    this.#kept = true;
  }

  async removeUnlessKept(): Promise<void> {
    if (!this.#kept) await rm(this.#path, { recursive: true, force: true });
  }
}
