// How a planned run comes about: from the checkpoint where it was stopped before, or from its first step.
import { resolve } from "node:path";
import { type Checkpoint, CheckpointError, listCheckpoints, newestCheckpoint } from "@moescope/trainer";
import type { StoredRun } from "../reading/find-run.ts";
import { note } from "../terminal/lines.ts";
import { newRunId } from "../training/run-identity.ts";
import type { RunPlan } from "../training/run-plan.ts";
import type { Origin } from "./comparison.ts";
import type { PlannedRun } from "./plan.ts";
import { stoppedTwin } from "./stored-twin.ts";

export interface Attempt {
  plan: RunPlan;
  origin: Extract<Origin, "trained" | "resumed">;
}

export interface Surroundings {
  /** Of the comparison: every run it trains is tagged with it. */
  name: string;
  dataDirectory: string;
  /** Whatever their state, the newest first. */
  stored: readonly StoredRun[];
  /** Trains anew, whatever is there. */
  again?: boolean;
}

export function attemptOf(planned: PlannedRun, { name, dataDirectory, stored, again }: Surroundings): Attempt {
  const { arm, seed, configuration } = planned;
  const folderOf = (run: string) => resolve(dataDirectory, "checkpoints", run);
  const stopped = again ? undefined : stoppedTwin(stored, configuration)?.run;
  const resume = stopped && checkpointBefore(configuration.steps, folderOf(stopped.id));
  if (stopped && resume) {
    // A run stays what it was called when it began.
    const { id, name: called, tags, startedAt } = stopped;
    return {
      plan: { configuration, run: { id, name: called, tags, startedAt }, folder: folderOf(id), resume },
      origin: "resumed",
    };
  }
  const id = newRunId(configuration);
  const run = { id, name: `${arm.name}, seed ${seed}`, tags: [`compare=${name}`, `arm=${arm.name}`] };
  return { plan: { configuration, run, folder: folderOf(id) }, origin: "trained" };
}

/** A run that was killed after its last step goes on from before it: the evaluation after it may never have been sent. */
function checkpointBefore(steps: number, folder: string): Checkpoint | undefined {
  const newest = listCheckpoints(folder).findLast(({ step }) => step < steps);
  if (!newest) return undefined;
  try {
    return newestCheckpoint(folder, note, newest.step);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    note(`${error.message}. The run is trained anew`);
    return undefined;
  }
}
