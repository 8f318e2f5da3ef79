// The checkpoints of one run in its folder: which there are, the newest that can be read, and those that are not kept.
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { CheckpointError, parseCheckpointName } from "./checkpoint.ts";
import { type Checkpoint, readCheckpoint } from "./read-checkpoint.ts";
import { unfinishedPrefix } from "./write-checkpoint.ts";

export interface StoredCheckpoint {
  path: string;
  step: number;
  attempt: number;
}

/** @returns the oldest first: by attempt, then by step */
export function listCheckpoints(runFolder: string): StoredCheckpoint[] {
  if (!existsSync(runFolder)) return [];
  return readdirSync(runFolder)
    .flatMap((name) => {
      const parsed = parseCheckpointName(name);
      return parsed ? [{ path: join(runFolder, name), ...parsed }] : [];
    })
    .sort((a, b) => a.attempt - b.attempt || a.step - b.step);
}

/**
 * @param step only checkpoints of this step when given
 * @param notice told of every newer one that is damaged
 * @throws CheckpointError when there is none that can be read
 */
export function newestCheckpoint(runFolder: string, notice: (line: string) => void, step?: number): Checkpoint {
  const stored = listCheckpoints(runFolder).filter((one) => step === undefined || one.step === step);
  for (const { path } of stored.toReversed()) {
    try {
      return readCheckpoint(path);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      notice(`${error.message}; trying the checkpoint before it`);
    }
  }
  const wanted = step === undefined ? "checkpoint" : `checkpoint of step ${step}`;
  throw new CheckpointError(`${runFolder} holds no ${wanted} that can be read; ${describeList(runFolder)}`);
}

function describeList(runFolder: string): string {
  const steps = listCheckpoints(runFolder).map(({ step }) => step);
  return steps.length === 0 ? "there is none at all" : `there are those of step ${steps.join(", ")}`;
}

/** Removes all but the newest `kept`. */
export function removeOldCheckpoints(runFolder: string, kept: number): void {
  for (const { path } of listCheckpoints(runFolder).slice(0, -kept)) removeCheckpoint(path);
}

/** Renamed first, so that a half-removed one is not taken for a checkpoint. */
function removeCheckpoint(path: string): void {
  const unfinished = join(dirname(path), `${unfinishedPrefix}${basename(path)}`);
  renameSync(path, unfinished);
  rmSync(unfinished, { recursive: true });
}

/** Removes what earlier processes were writing, or removing, when they were killed. Only for the one process that trains the run. */
export function removeUnfinished(runFolder: string): void {
  if (!existsSync(runFolder)) return;
  for (const name of readdirSync(runFolder)) {
    if (name.startsWith(unfinishedPrefix)) rmSync(join(runFolder, name), { recursive: true, force: true });
  }
}
