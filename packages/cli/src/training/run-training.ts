// Starts a training process, listens to it, and sees to it that it ends.
import type { ChildProcess } from "node:child_process";
import { Failure, Interrupted } from "../failure.ts";
import { note } from "../terminal/lines.ts";
import type {
  FromTraining,
  ToTraining,
  TrainingEnded,
  TrainingOrder,
  TrainingProgress,
  TrainingStarted,
} from "./messages.ts";
import { startChild } from "./start-child.ts";

export interface TrainingListener {
  started(started: TrainingStarted): void;
  progress(progress: TrainingProgress): void;
}

/** Milliseconds that a run gets to finish its step, report it and end, once it was told to stop. */
const stopDeadline = 3500;
/** The same for a run that is kept: its last checkpoint may be large. A second Ctrl-C does not wait. */
const keepDeadline = 60_000;

/**
 * Trains one run in a process of its own.
 *
 * @param signal stops the run after the step under way
 * @throws the error of the training process, under its own name; Interrupted when stopped before it reported anything
 */
export async function runTraining(
  order: TrainingOrder,
  listener: TrainingListener,
  signal: AbortSignal,
): Promise<TrainingEnded> {
  if (signal.aborted) throw new Interrupted();
  const child = startChild(new URL("./process.js", import.meta.url));
  const deadline = order.checkpoints ? keepDeadline : stopDeadline;
  const stop = () => stopInOrder(child, String(signal.reason), deadline);
  signal.addEventListener("abort", stop, { once: true });
  try {
    tell(child, { kind: "order", ...order });
    return await listen(child, listener, signal);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function tell(child: ChildProcess, message: ToTraining): void {
  // A child that cannot be told anything has ended, or never started: `listen` says so.
  if (child.connected) child.send(message, () => {});
}

function stopInOrder(child: ChildProcess, reason: string, deadline: number): void {
  tell(child, { kind: "stop", reason });
  const timer = setTimeout(() => {
    note("The training process does not stop and is killed; what was acknowledged is stored.");
    child.kill("SIGKILL");
  }, deadline);
  child.once("exit", () => clearTimeout(timer));
}

function listen(child: ChildProcess, listener: TrainingListener, signal: AbortSignal): Promise<TrainingEnded> {
  return new Promise((resolve, reject) => {
    let ended: TrainingEnded | undefined;
    let failure: Error | undefined;
    child.on("message", (message: FromTraining) => {
      if (message.kind === "started") listener.started(message);
      else if (message.kind === "progress") listener.progress(message);
      else if (message.kind === "notice") note(message.line);
      else if (message.kind === "ended") ended = message;
      else failure = Object.assign(new Error(message.message), { name: message.name, stack: message.stack });
    });
    child.once("error", (error) => reject(new Failure(`No training process could be started: ${error.message}`)));
    child.once("close", (code, killedBy) => {
      if (ended) resolve(ended);
      else if (failure) reject(failure);
      else if (signal.aborted) reject(new Interrupted());
      else reject(new Failure(`The training process ended without a result (${killedBy ?? `exit code ${code}`})`));
    });
  });
}
