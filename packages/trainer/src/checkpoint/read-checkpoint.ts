// Reads a checkpoint, and notices when a file of it is not what was written.
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import {
  CheckpointError,
  type CheckpointRecord,
  checkpointFormat,
  type FileSum,
  modelFile,
  recordFile,
  stateFile,
} from "./checkpoint.ts";
import { type NamedArray, prefixed } from "./named-array.ts";
import { decodeSafetensors } from "./safetensors.ts";

export interface Checkpoint {
  /** Its folder. */
  path: string;
  record: CheckpointRecord;
  /** As `TrainStep.state` gave it. */
  state: NamedArray[];
}

/** @throws CheckpointError that names the file which is missing or damaged */
export function readCheckpoint(path: string): Checkpoint {
  const record = readRecord(path);
  const { [modelFile]: model, [stateFile]: state } = record.files;
  return {
    path,
    record,
    state: [
      ...prefixed(readTensors(join(path, modelFile), model), "parameter"),
      ...readTensors(join(path, stateFile), state),
    ],
  };
}

/** @throws CheckpointError */
export function readRecord(path: string): CheckpointRecord {
  const file = join(path, recordFile);
  const record: CheckpointRecord = damagedUnless(file, () => JSON.parse(readFileSync(file, "utf8")));
  if (record.format === checkpointFormat) return record;
  throw new CheckpointError(
    `${file} has format ${record.format}; this version of moescope reads format ${checkpointFormat}`,
  );
}

function readTensors(file: string, expected: FileSum): NamedArray[] {
  return damagedUnless(file, () => {
    const descriptor = openSync(file, "r");
    try {
      return readChecked(descriptor, expected);
    } finally {
      closeSync(descriptor);
    }
  });
}

function readChecked(descriptor: number, { bytes, sha256 }: FileSum): NamedArray[] {
  const { size } = fstatSync(descriptor);
  if (size !== bytes) throw new Error(`it has ${size} bytes instead of ${bytes}`);
  const hash = createHash("sha256");
  const arrays = decodeSafetensors((length) => {
    const piece = readWhole(descriptor, length);
    hash.update(piece);
    return piece;
  }, size);
  const found = hash.digest("hex");
  if (found !== sha256) throw new Error(`its SHA-256 is ${found} instead of ${sha256}`);
  return arrays;
}

function readWhole(descriptor: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const read = readSync(descriptor, bytes, done, length - done, null);
    if (read === 0) throw new Error(`it ends ${length - done} bytes early`);
    done += read;
  }
  return bytes;
}

function damagedUnless<Result>(file: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw new CheckpointError(`${file} is damaged or missing: ${(error as Error).message}`, { cause: error });
  }
}
