// The file that names the collector of a data directory, and whether that one still runs.
//
// A process on this machine that is seen from here is known to run or not by its pid. One in another container, or on another machine
// that shares the directory, is not: it runs when it touches its file from time to time.
import { link, open, readFile, rename } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { processSpace, processStart } from "./process-identity.ts";

/** Milliseconds between two touches, and without one until its owner is taken for dead: a process may stall for a while. */
export const TOUCHED_EVERY = 1_000;
const DEAD_AFTER = 5_000;

const ownerSchema = z.object({
  /** Tells this file from every other; older versions wrote none. */
  id: z.string().default(""),
  pid: z.int().positive(),
  /** Tells a process from a later one with the same pid. */
  startedAt: z.string(),
  /** In which its pid is known, and what people call that machine or container. */
  space: z.string().default(""),
  host: z.string().default(""),
  /** `host:port`; empty while the collector is starting. */
  httpAddress: z.string(),
  grpcAddress: z.string(),
  /** Whether both speak TLS. */
  tls: z.boolean().default(false),
});
export type Owner = z.output<typeof ownerSchema>;

/** @returns false when there is something in its new place */
export async function linked(from: string, to: string): Promise<boolean> {
  return link(from, to).then(() => true, unless("EEXIST"));
}

/** @returns false when it is not there */
export async function renamed(from: string, to: string): Promise<boolean> {
  return rename(from, to).then(() => true, unless("ENOENT"));
}

function unless(code: string): (error: NodeJS.ErrnoException) => false {
  return (error) => {
    if (error.code === code) return false;
    throw error;
  };
}

/** @returns undefined where there is none, or one that this program has not written */
export async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    return ownerSchema.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    const absent =
      (error as NodeJS.ErrnoException).code === "ENOENT" || (error as NodeJS.ErrnoException).code === "ENOTDIR";
    // The file is written whole; one that cannot be read was never this program's.
    if (absent || error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Takes seconds where the owner is in another container or on another machine, and gives no sign of life. */
export async function isRunning({ pid, startedAt, space }: Owner, file: string): Promise<boolean> {
  if (processStart(pid) === startedAt) return true;
  return space !== processSpace() && (await isTouched(file));
}

async function isTouched(file: string): Promise<boolean> {
  const before = await touchedAt(file);
  const end = performance.now() + DEAD_AFTER;
  while (before !== undefined && performance.now() < end) {
    await delay(TOUCHED_EVERY / 5);
    const now = await touchedAt(file);
    if (now !== before) return now !== undefined;
  }
  return false;
}

/** @returns undefined when the file is gone. It is opened, because only then a network file system asks its server */
async function touchedAt(file: string): Promise<number | undefined> {
  const handle = await open(file).catch(unless("ENOENT"));
  if (!handle) return undefined;
  try {
    return (await handle.stat()).mtimeMs;
  } finally {
    await handle.close();
  }
}
