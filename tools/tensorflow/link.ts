// The symbolic link through which tfjs-node-gpu finds the addon in the cache.
import { readlinkSync } from "node:fs";
import { mkdir, rename, rm, symlink } from "node:fs/promises";
import { dirname } from "node:path";
import { isSystemError } from "./system-error.ts";

export function linksTo(link: string, target: string): boolean {
  try {
    return readlinkSync(link) === target;
  } catch (error) {
    if (isSystemError(error)) return false; // absent, or a file that someone put there
    throw error;
  }
}

/** Replaces whatever is at `link` in one step, so that a process that starts meanwhile finds the old or the new. */
export async function placeLink(link: string, target: string): Promise<void> {
  await mkdir(dirname(link), { recursive: true });
  const unfinished = `${link}.${process.pid}`;
  await rm(unfinished, { force: true });
  await symlink(target, unfinished);
  await rename(unfinished, link);
}
