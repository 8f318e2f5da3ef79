// Native TensorFlow before the first training process starts: linked in milliseconds, or fetched and built with a progress bar.
import {
  describeOutcome,
  describeProgress,
  ensureTensorflow,
  type TensorflowProgress,
} from "@moescope/tools/tensorflow";
import { Interrupted } from "../failure.ts";
import { note } from "../terminal/lines.ts";
import { type Progress, startProgress } from "../terminal/progress.ts";

/** Milliseconds; finding TensorFlow in less is not worth a line. */
const worthALine = 1000;

/**
 * Says in one line what is missing when TensorFlow cannot be had; training then goes on with another backend.
 *
 * @param backend that the run asks for; nothing is to do for one that is not TensorFlow
 * @returns whether the person knows by now why it will be another backend
 * @throws Interrupted
 */
export async function prepareBackend(backend: string | undefined, signal: AbortSignal): Promise<boolean> {
  if (backend !== undefined && backend !== "tensorflow") return false;
  const drawn = new TensorflowProgressBar();
  const linking = ensureTensorflow({ onProgress: (progress) => drawn.update(progress), signal });
  const outcome = await linking.catch(interruptedIf(signal)).finally(() => drawn.stop());
  const worthKnowing = !outcome.linked || outcome.notice !== undefined || !outcome.customOps.built;
  if (worthKnowing || outcome.tookMs > worthALine) note(describeOutcome(outcome));
  return !outcome.linked;
}

function interruptedIf(signal: AbortSignal): (error: unknown) => never {
  return (error) => {
    throw signal.aborted ? new Interrupted() : error;
  };
}

/** A bar for each stage, drawn from its first progress on. */
class TensorflowProgressBar {
  #stage: TensorflowProgress["stage"] | undefined;
  #progress: Progress | undefined;

  update(progress: TensorflowProgress): void {
    const { stage, done, total } = progress;
    if (stage !== this.#stage) {
      this.stop();
      this.#stage = stage;
      this.#progress = startProgress(total ?? 1);
    }
    this.#progress!.update(total === undefined ? 0 : done, describeProgress(progress), total);
  }

  stop(): void {
    this.#progress?.stop();
  }
}
