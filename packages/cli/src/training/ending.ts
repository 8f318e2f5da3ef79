// How a run ended and what became of its telemetry, in a line each.
import type { ReporterStatistics } from "@moescope/trainer";
import { Failure, Interrupted } from "../failure.ts";
import { bytes, decimal, whole } from "../terminal/numbers.ts";
import type { TrainingEnded } from "./messages.ts";

export function describeEnd({ outcome, reason, steps, loss, evaluation }: TrainingEnded): string {
  const parts = [`${outcome} after ${whole(steps)} steps`];
  if (loss !== undefined) parts.push(`loss ${decimal(loss, 4)}`);
  if (evaluation) {
    parts.push(
      `validation loss ${decimal(evaluation.loss, 4)}`,
      `MaxVio global ${decimal(evaluation.maxViolation, 3)}`,
    );
    parts.push(`dead experts ${evaluation.deadExperts}`);
  }
  if (outcome === "stopped") parts.push(`by ${reason}`);
  return `Training ${parts.join(", ")}`;
}

export function describeCheckpoint({ checkpoint, outcome }: TrainingEnded, run: string): string {
  const goOn = outcome === "stopped" ? `; to go on: moescope train --resume ${run}` : "";
  return `Checkpoint: ${checkpoint}${goOn}`;
}

export function describeReporting(reporting: ReporterStatistics): string {
  const { acknowledged, messages, rejected, firstRejection, dropped, queued, spooledBytes, spool } = reporting;
  const parts = [`${whole(acknowledged)} of ${whole(messages)} messages acknowledged`];
  if (rejected > 0) parts.push(`${whole(rejected)} of them rejected (first: ${firstRejection})`);
  if (dropped > 0) parts.push(`${whole(dropped)} dropped`);
  if (spool !== undefined) {
    parts.push(`${whole(queued)} wait in ${spool} (${bytes(spooledBytes)}); the next run that spools there sends them`);
  }
  return `Telemetry: ${parts.join(", ")}`;
}

/**
 * @throws Failure when the run failed
 * @throws Interrupted when it was stopped
 */
export function refuseUnfinished({ outcome, reason }: Pick<TrainingEnded, "outcome" | "reason">): void {
  if (outcome === "failed") throw new Failure(`The run failed: ${reason}`);
  if (outcome === "stopped") throw new Interrupted();
}
