// What is made from the user's files once and kept in their cache folder: written whole or not at all, made again when damaged.
import { createHash, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { DataError } from "./data-error.ts";

export interface Preparation {
  /** Everything that the outcome depends on; any change of it makes a new folder. */
  key: unknown;
  /** In words, as in `2 files of web=*.jsonl`. */
  what: string;
  /** Bytes that will be read. */
  size: number;
  /** Fills an empty folder. */
  write(folder: string): Promise<void>;
  notice(line: string): void;
}

/** Raised when the meaning of a prepared folder changes. */
const layout = 2;
const manifestName = "manifest.json";

/** Size and time of the last change of every file, as text. */
type Manifest = Record<string, string>;

/**
 * @returns the folder, prepared now or earlier
 * @throws DataError when the cache folder cannot be written, and what `write` throws
 */
export async function prepare({ key, what, size, write, notice }: Preparation): Promise<string> {
  const root = cacheFolder();
  const name = createHash("sha256")
    .update(JSON.stringify([layout, key]))
    .digest("hex")
    .slice(0, 32);
  const folder = join(root, name);
  if (isComplete(folder)) return folder;
  notice(`Preparing ${what}, ${formatBytes(size)}; kept in ${root} for the next run`);
  const work = makeWorkFolder(root, name);
  try {
    await write(work);
    writeFileSync(join(work, manifestName), JSON.stringify(manifestOf(work)));
    const kept = sizeOf(work);
    publish(work, folder, notice);
    notice(`Prepared ${what}: ${formatBytes(kept)} in ${folder}`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

/** `XDG_CACHE_HOME`, else the user's usual cache folder. */
function cacheFolder(): string {
  const usual = process.platform === "darwin" ? join(homedir(), "Library", "Caches") : join(homedir(), ".cache");
  return join(process.env.XDG_CACHE_HOME || usual, "moescope", "data");
}

function isComplete(folder: string): boolean {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, manifestName), "utf8")) as Manifest;
    const found = manifestOf(folder);
    return Object.entries(manifest).every(([file, state]) => found[file] === state);
  } catch {
    return false; // not there, or its manifest is damaged: it is made again
  }
}

function manifestOf(folder: string): Manifest {
  const files = readdirSync(folder).filter((file) => file !== manifestName);
  return Object.fromEntries(
    files.map((file) => {
      const { size, mtimeNs } = statSync(join(folder, file), { bigint: true });
      return [file, `${size} bytes at ${mtimeNs}`];
    }),
  );
}

/** Its name ends in the id of this process, so that what a killed one left behind is known for it and removed. */
function makeWorkFolder(root: string, name: string): string {
  try {
    mkdirSync(root, { recursive: true });
    for (const left of readdirSync(root).filter((entry) => entry.startsWith("work-"))) {
      if (!isRunning(Number(left.split("-").at(-1)))) rmSync(join(root, left), { recursive: true, force: true });
    }
    const work = join(root, `work-${name}-${randomUUID().slice(0, 8)}-${process.pid}`);
    mkdirSync(work);
    return work;
  } catch (cause) {
    throw new DataError(
      `${root} cannot be written: ${(cause as Error).message}; XDG_CACHE_HOME names another cache folder`,
      { cause },
    );
  }
}

/** Another process may finish the same at any moment: then its folder stays. */
function publish(work: string, folder: string, notice: (line: string) => void): void {
  if (existsSync(folder) && !isComplete(folder)) {
    notice(`${folder} was damaged and is made again`);
    renameSync(folder, join(work, "damaged"));
  }
  try {
    renameSync(work, folder);
  } catch (error) {
    if (!isComplete(folder)) throw error;
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function sizeOf(folder: string): number {
  return readdirSync(folder).reduce((total, file) => total + statSync(join(folder, file)).size, 0);
}

/** As in `1.3 GB`. */
function formatBytes(size: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const unit = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, size)) / 3));
  return `${unit === 0 ? size : (size / 1000 ** unit).toFixed(1)} ${units[unit]}`;
}
