// The folder outside the checkout that keeps TensorFlow and its compiled addons for later checkouts.
import { randomUUID } from "node:crypto";
import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { mkdtemp, open, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { OnProgress } from "./progress.ts";

export interface Cache {
  directory: string;
  /** Why it is not where one would look for it. */
  notice?: string;
}

/** The user's cache folder, or `fallback` where that one cannot be written. */
export function openCache(fallback: string): Cache {
  const directory = join(userCaches(), "moescope", "tensorflow");
  const problem = whyNotWritable(directory);
  if (problem === undefined) return { directory };
  mkdirSync(fallback, { recursive: true });
  return {
    directory: fallback,
    notice: `${directory} cannot be written (${problem}), so ${fallback} keeps TensorFlow`,
  };
}

function userCaches(): string {
  if (process.env.XDG_CACHE_HOME) return process.env.XDG_CACHE_HOME;
  return process.platform === "darwin" ? join(homedir(), "Library", "Caches") : join(homedir(), ".cache");
}

function whyNotWritable(directory: string): string | undefined {
  try {
    mkdirSync(directory, { recursive: true });
    accessSync(directory, constants.W_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

/** Size of a file in bytes, or undefined where there is none. */
export function fileSize(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/** An empty folder in the cache, for what becomes an entry once it is complete. */
export function makeWorkDirectory(cache: string): Promise<string> {
  return mkdtemp(join(cache, "work-"));
}

/** Removes what killed processes left behind. Only the holder of the lock may. */
export async function removeLeftovers(cache: string): Promise<void> {
  const left = (await readdir(cache)).filter((name) => name.startsWith("work-"));
  await Promise.all(left.map((name) => rm(join(cache, name), { recursive: true, force: true })));
}

/** Moves a complete folder to its final place, after what lay there into `work`, so that nobody ever sees half of one. */
export async function publish(complete: string, place: string, work: string): Promise<void> {
  await rename(place, join(work, `replaced-${randomUUID()}`)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await rename(complete, place);
}

const BEAT_MS = 1000;
/** A holder that has not touched its lock for so long is dead or suspended. */
const STALE_MS = 10_000;

/**
 * Runs `task` while no other process does the same with this cache.
 *
 * The lock only saves duplicate work: entries are published in one step, so two holders at once, possible when a suspended one
 * wakes up, do no harm to each other's result.
 */
export async function withLock<T>(
  cache: string,
  { signal, onProgress }: { signal: AbortSignal | undefined; onProgress: OnProgress },
  task: () => Promise<T>,
): Promise<T> {
  const lock = join(cache, "lock");
  while (!(await take(lock))) {
    onProgress({ stage: "wait", done: 0 });
    await delay(BEAT_MS / 4, undefined, { signal });
    if (await isStale(lock)) await rm(lock, { force: true });
  }
  const beat = setInterval(() => {
    const now = new Date();
    utimes(lock, now, now).catch(() => {}); // taken from us while we were suspended: see above
  }, BEAT_MS);
  try {
    return await task();
  } finally {
    clearInterval(beat);
    await rm(lock, { force: true });
  }
}

async function take(lock: string): Promise<boolean> {
  try {
    await (await open(lock, "wx")).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function isStale(lock: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(lock)).mtimeMs > STALE_MS;
  } catch {
    return false; // released meanwhile
  }
}
