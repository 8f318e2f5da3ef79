// What a checkpoint is: a folder of two tensor files and `checkpoint.json`, which says whose they are and how to go on from them.
//
//   <run>/step-00000800/model.safetensors   the parameters
//                       state.safetensors   moments of the optimizer, updates done, state of the strategy, choices at earlier probes
//                       checkpoint.json     CheckpointRecord
import type { CategoryDescription } from "../data/corpus.ts";
import type { RunConfiguration } from "../recipe/run-configuration.ts";
import type { RunIdentity } from "../recipe/run-description.ts";

export const checkpointFormat = 1;
export const recordFile = "checkpoint.json";
export const modelFile = "model.safetensors";
export const stateFile = "state.safetensors";

export interface FileSum {
  bytes: number;
  /** In hexadecimal. */
  sha256: string;
}

/** What `checkpoint.json` holds. Positions in the data and random numbers follow from seed and step, so nothing of them is kept. */
export interface CheckpointRecord {
  format: number;
  run: Omit<RunIdentity, "codeVersion">;
  configuration: RunConfiguration;
  categories: string[];
  /** What the data came to when the run was started. */
  data: CategoryDescription[];
  /** Optimizer updates done, which is the index of the next step; and tokens trained on. */
  step: number;
  tokens: number;
  attempt: number;
  codeVersion: string;
  backend: string;
  /** Milliseconds since the Unix epoch. */
  writtenAt: number;
  files: Record<typeof modelFile | typeof stateFile, FileSum>;
}

/** A checkpoint that is missing or damaged; the message names the file. */
export class CheckpointError extends Error {
  override name = "CheckpointError";
}

/** Attempts after the first carry their number, so that a repeated step never takes the place of what it repeats. */
export function checkpointName(step: number, attempt: number): string {
  const name = `step-${String(step).padStart(8, "0")}`;
  return attempt === 0 ? name : `${name}.${attempt}`;
}

/** @returns undefined for anything else that lies in a run's folder */
export function parseCheckpointName(name: string): { step: number; attempt: number } | undefined {
  const [, step, attempt = "0"] = /^step-(\d{8,})(?:\.(\d+))?$/.exec(name) ?? [];
  return step === undefined ? undefined : { step: Number(step), attempt: Number(attempt) };
}
