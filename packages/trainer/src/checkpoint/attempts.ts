// Numbers the attempts of a run: one small file each, there for good before the attempt reports anything.
import { linkSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isAlive, isHere, ownName, parseOwner } from "../runtime/process-owner.ts";
import { CheckpointError } from "./checkpoint.ts";
import { makeFolderDurably, syncFolder, writeDurably } from "./durable-file.ts";
import { unfinishedPrefix } from "./write-checkpoint.ts";

/**
 * Takes the next number for this process; no other process ever gets it, however this one ends.
 *
 * @param runFolder of one run; created when it is not there
 * @param notice told when the attempt before was made on another machine, where it may still run
 * @returns 0 for the first attempt
 * @throws CheckpointError while another process still makes the attempt before, or when the folder cannot be written
 */
export function claimAttempt(runFolder: string, notice: (line: string) => void): number {
  try {
    return claim(runFolder, notice);
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError(`${runFolder} cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

function claim(runFolder: string, notice: (line: string) => void): number {
  makeFolderDurably(runFolder);
  const mine = join(runFolder, `${unfinishedPrefix}attempt-${process.pid}`);
  rmSync(mine, { force: true });
  writeDurably(mine, [Buffer.from(ownName())]);
  try {
    for (;;) {
      const attempt = attemptsOf(runFolder);
      if (attempt > 0) checkGone(runFolder, attempt - 1, notice);
      // Linking fails when another process was quicker, and the name appears with its content.
      if (link(mine, fileOf(runFolder, attempt))) return attempt;
    }
  } finally {
    rmSync(mine);
    syncFolder(runFolder);
  }
}

/** How many attempts a run has had. */
export function attemptsOf(runFolder: string): number {
  const numbers = readdirSync(runFolder).map((name) => Number(/^attempt-(\d+)$/.exec(name)?.[1] ?? -1));
  return Math.max(-1, ...numbers) + 1;
}

function fileOf(runFolder: string, attempt: number): string {
  return join(runFolder, `attempt-${String(attempt).padStart(4, "0")}`);
}

function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function checkGone(runFolder: string, attempt: number, notice: (line: string) => void): void {
  const file = fileOf(runFolder, attempt);
  const owner = parseOwner(readFileSync(file, "utf8"));
  if (owner === undefined) return;
  if (!isHere(owner)) notice(`Attempt ${attempt} of this run was made on ${owner.host}; make sure that it has ended`);
  else if (owner.pid !== process.pid && isAlive(owner)) {
    throw new CheckpointError(`${runFolder}: process ${owner.pid} still trains this run; stop it first`);
  }
}
