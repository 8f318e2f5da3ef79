// The runs of a comparison, one after another: taken where they are finished, gone on with where they were stopped, else trained.
import { resolve } from "node:path";
import type { Target } from "../exchange/run-stream.ts";
import { Interrupted } from "../failure.ts";
import { note } from "../terminal/lines.ts";
import type { TrainingEnded } from "../training/messages.ts";
import { orderOf } from "../training/run-order.ts";
import { trainVisibly } from "../training/train-visibly.ts";
import { type Attempt, attemptOf, type Surroundings } from "./attempt.ts";
import type { FailedRun, Origin } from "./comparison.ts";
import type { PlannedRun } from "./plan.ts";
import { finishedTwin } from "./stored-twin.ts";

export interface Workshop extends Surroundings {
  /** Where runs report to. */
  collector: Target;
  /** The best one that works here when absent. */
  backend?: string;
  /** The person knows why it is not the fastest backend. */
  fallbackKnown: boolean;
}

export interface FinishedRun extends PlannedRun {
  run: string;
  origin: Origin;
}

export interface CarriedOut {
  finished: FinishedRun[];
  failed: FailedRun[];
}

/** @throws Interrupted when stopped, after saying what is finished */
export async function carryOut(
  plan: readonly PlannedRun[],
  workshop: Workshop,
  signal: AbortSignal,
): Promise<CarriedOut> {
  const done: CarriedOut = { finished: [], failed: [] };
  let { fallbackKnown } = workshop;
  for (const [place, planned] of plan.entries()) {
    const what = `Run ${place + 1} of ${plan.length}: ${planned.arm.name}, seed ${planned.seed}`;
    const twin = workshop.again ? undefined : finishedTwin(workshop.stored, planned.configuration);
    if (twin) {
      note(`${what}: finished already, ${twin.run.id}`);
      done.finished.push({ ...planned, run: twin.run.id, origin: "stored" });
      continue;
    }
    const attempt = attemptOf(planned, workshop);
    note(["", `${what}${attempt.origin === "resumed" ? " goes on" : ""}, ${attempt.plan.run.id}`]);
    record(done, planned, attempt, await train(attempt, { ...workshop, fallbackKnown }, done, plan.length, signal));
    fallbackKnown = true;
  }
  return done;
}

/** Steps between checkpoints, for when a run is stopped by force; one is written at its end anyway. */
const keeping = { checkpointEvery: 200, checkpointsKept: 1 };

async function train(
  { plan }: Attempt,
  { dataDirectory, collector, backend, fallbackKnown }: Workshop,
  { finished }: CarriedOut,
  planned: number,
  signal: AbortSignal,
): Promise<TrainingEnded> {
  const spoolDirectory = resolve(dataDirectory, "spool");
  const order = { ...orderOf(plan, { ...keeping, backend }), collector: { ...collector, spoolDirectory } };
  try {
    const ended = await trainVisibly(order, fallbackKnown, signal);
    if (ended.outcome === "stopped") throw new Interrupted();
    return ended;
  } catch (error) {
    if (error instanceof Interrupted) {
      note(`${finished.length} of ${planned} runs are finished; the same command goes on with the others`);
    }
    throw error;
  }
}

function record(
  { finished, failed }: CarriedOut,
  planned: PlannedRun,
  { plan, origin }: Attempt,
  { outcome, reason = "no reason is known" }: TrainingEnded,
): void {
  const run = plan.run.id;
  if (outcome === "finished") finished.push({ ...planned, run, origin });
  else failed.push({ run, arm: planned.arm.name, seed: planned.seed, reason });
}
