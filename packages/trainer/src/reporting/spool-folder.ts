// Who owns a spool: a folder whose name ends in its owner, so that taking one over is a single rename that only one process can win.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { isAlive, isHere, ownName, parseOwner } from "../runtime/process-owner.ts";

/** Owner of a spool whose reporter ended in good order. */
const nobody = "free";
/** Owner of a spool that the collector would mix up with another's; it is kept for a person to look at. */
const refused = "refused";

/** @param label makes the folder easy to recognise; characters that file systems dislike are replaced */
export function createSpoolFolder(directory: string, label: string): string {
  const readable = label.replace(/[^\w.-]/g, "_").slice(0, 80);
  const folder = join(directory, `${readable}-${randomBytes(4).toString("hex")}~${ownName()}`);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Takes over every spool in the directory whose owner is gone. @returns their new folders */
export function claimAbandonedSpools(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.includes("~") && isAbandoned(ownerOf(name)))
    .flatMap((name) => rename(directory, name, ownName()) ?? []);
}

/** Leaves the spool to whoever comes next. @returns its new folder */
export function releaseSpoolFolder(folder: string): string {
  return changeOwner(folder, nobody);
}

/** Leaves the spool where it is, and out of the reach of later reporters. @returns its new folder */
export function keepRefusedSpool(folder: string): string {
  return changeOwner(folder, refused);
}

function changeOwner(folder: string, owner: string): string {
  const at = folder.lastIndexOf("~");
  renameSync(folder, `${folder.slice(0, at)}~${owner}`);
  return `${folder.slice(0, at)}~${owner}`;
}

/** @returns undefined when another process was quicker */
function rename(directory: string, name: string, owner: string): string | undefined {
  try {
    return changeOwner(join(directory, name), owner);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function ownerOf(name: string): string {
  return name.slice(name.lastIndexOf("~") + 1);
}

/** A process on another machine may be alive: its spool is left alone. */
function isAbandoned(name: string): boolean {
  if (name === nobody) return true;
  const owner = parseOwner(name);
  return owner !== undefined && isHere(owner) && !isAlive(owner);
}
