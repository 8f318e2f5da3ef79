// Writes a checkpoint so that it is either whole or not there, whenever the process or the machine dies.
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type CheckpointRecord, checkpointName, modelFile, recordFile, stateFile } from "./checkpoint.ts";
import { makeFolderDurably, syncFolder, writeDurably } from "./durable-file.ts";
import { type NamedArray, withPrefix } from "./named-array.ts";
import { encodeSafetensors } from "./safetensors.ts";

/** Begins the names of folders that are not yet, or no longer, checkpoints. */
export const unfinishedPrefix = ".unfinished-";

/** A checkpoint before it is written. */
export interface Snapshot {
  record: Omit<CheckpointRecord, "files">;
  /** As `TrainStep.state` gives it. */
  state: readonly NamedArray[];
}

/**
 * Everything is written and synced under another name; the rename is what makes it a checkpoint.
 *
 * @param runFolder of one run; created when it is not there
 * @returns the folder of the checkpoint
 * @throws what the file system says; nothing is left behind then
 */
export function writeCheckpoint(runFolder: string, { record, state }: Snapshot): string {
  const name = checkpointName(record.step, record.attempt);
  const [unfinished, finished] = [join(runFolder, `${unfinishedPrefix}${name}`), join(runFolder, name)];
  makeFolderDurably(runFolder);
  rmSync(unfinished, { recursive: true, force: true });
  try {
    mkdirSync(unfinished);
    writeFiles(unfinished, { record, state });
    renameSync(unfinished, finished);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw error;
  }
  syncFolder(runFolder);
  return finished;
}

function writeFiles(folder: string, { record, state }: Snapshot): void {
  const about = { format: "pt", run: record.run.id, step: String(record.step) };
  const write = (file: string, arrays: NamedArray[]) => {
    return writeDurably(join(folder, file), encodeSafetensors(arrays, about));
  };
  const files = {
    [modelFile]: write(modelFile, withPrefix(state, "parameter")),
    [stateFile]: write(
      stateFile,
      state.filter(({ name }) => !name.startsWith("parameter/")),
    ),
  };
  writeDurably(join(folder, recordFile), [Buffer.from(`${JSON.stringify({ ...record, files }, null, 2)}\n`)]);
  syncFolder(folder);
}
