// The runs of a comparison, one after another: taken where they are finished, gone on with where they were stopped, else trained.
import { resolve } from "node:path";
import type { v1 } from "@moescope/proto";
import { CheckpointError, listCheckpoints, newestCheckpoint, type RunIdentity } from "@moescope/trainer";
import { Interrupted } from "../failure.ts";
import type { StoredRun } from "../reading/find-run.ts";
import { note } from "../terminal/lines.ts";
import type { TrainingOrder } from "../training/messages.ts";
import { codeVersion, newRunId } from "../training/run-identity.ts";
import { trainVisibly } from "../training/train-visibly.ts";
import type { FailedRun, Origin } from "./comparison.ts";
import type { PlannedRun } from "./plan.ts";
import { finishedTwin, stoppedTwin } from "./stored-twin.ts";

export interface Workshop {
  /** Of the comparison: every run it trains is tagged with it. */
  name: string;
  dataDirectory: string;
  /** Address that runs report to. */
  collector: string;
  /** Trained or not, the newest first. */
  stored: readonly StoredRun[];
  /** Trains what is finished once more. */
  again?: boolean;
  backend?: string;
  /** The person knows why it is not the fastest backend. */
  fallbackKnown: boolean;
}

export interface CarriedOut extends PlannedRun {
  run: string;
  origin: Origin;
}

/** @throws Interrupted when stopped, after saying what is finished */
export async function carryOut(
  plan: readonly PlannedRun[],
  workshop: Workshop,
  signal: AbortSignal,
): Promise<{ done: CarriedOut[]; failed: FailedRun[] }> {
  const done: CarriedOut[] = [];
  const failed: FailedRun[] = [];
  let { fallbackKnown } = workshop;
  for (const [place, planned] of plan.entries()) {
    const what = `Run ${place + 1} of ${plan.length}: ${planned.arm.name}, seed ${planned.seed}`;
    const finished = workshop.again ? undefined : finishedTwin(workshop.stored, planned.configuration);
    if (finished) {
      note(`${what}: finished already, ${finished.run.id}`);
      done.push({ ...planned, run: finished.run.id, origin: "stored" });
      continue;
    }
    const { order, origin } = orderOf(planned, workshop);
    const run = order.identity.id;
    note(`\n${what}${origin === "resumed" ? " goes on" : ""}, ${run}`);
    const ended = await trainVisibly(order, fallbackKnown, signal).catch(interruptedOnly);
    if (!ended || ended.outcome === "stopped") return stopped(done, plan);
    if (ended.outcome === "finished") done.push({ ...planned, run, origin });
    else failed.push({ run, arm: planned.arm.name, seed: planned.seed, reason: ended.reason ?? "no reason given" });
    fallbackKnown = true;
  }
  return { done, failed };
}

/** Stopped before anything was reported. */
function interruptedOnly(error: unknown): undefined {
  if (!(error instanceof Interrupted)) throw error;
}

function stopped(done: readonly CarriedOut[], plan: readonly PlannedRun[]): never {
  note(`${done.length} of ${plan.length} runs are finished; the same command goes on with the others`);
  throw new Interrupted();
}

/** Steps between checkpoints, for when a run is stopped by force; one is written at its end anyway. */
const checkpointEvery = 200;

function orderOf(planned: PlannedRun, workshop: Workshop): { order: TrainingOrder; origin: Origin } {
  const { recipe, configuration } = planned;
  const { dataDirectory, collector, backend } = workshop;
  const stopped = stoppedBefore(planned, workshop);
  const identity = stopped ? identityOf(stopped.run) : newIdentity(planned, workshop);
  const order: TrainingOrder = {
    recipe,
    sources: configuration.sources,
    tokenizer: configuration.tokenizer,
    backend,
    identity,
    checkpoints: { folder: runFolder(dataDirectory, identity.id), every: checkpointEvery, kept: 1 },
    resume: stopped?.checkpoint,
    collector: { address: collector, spoolDirectory: resolve(dataDirectory, "spool") },
  };
  return { order, origin: stopped ? "resumed" : "trained" };
}

function newIdentity({ arm, seed, recipe }: PlannedRun, { name }: Workshop): RunIdentity {
  const tags = [`compare=${name}`, `arm=${arm.name}`];
  return { id: newRunId(recipe), name: `${arm.name}, seed ${seed}`, tags, codeVersion: codeVersion() };
}

/** A run stays what it was called when it began. */
function identityOf({ id, name, tags }: v1.RunDescription): RunIdentity {
  return { id, name, tags, codeVersion: codeVersion() };
}

/** A run that did not come to its end, if it left a checkpoint that can be read. */
function stoppedBefore(
  { configuration }: PlannedRun,
  { stored, again, dataDirectory }: Workshop,
): { run: v1.RunDescription; checkpoint: string } | undefined {
  const stopped = again ? undefined : stoppedTwin(stored, configuration);
  const folder = stopped && runFolder(dataDirectory, stopped.run.id);
  if (!folder || listCheckpoints(folder).length === 0) return undefined;
  try {
    return { run: stopped.run, checkpoint: newestCheckpoint(folder, note).path };
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    note(`${error.message}. The run is trained anew`);
    return undefined;
  }
}

function runFolder(dataDirectory: string, run: string): string {
  return resolve(dataDirectory, "checkpoints", run);
}
