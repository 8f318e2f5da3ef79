// The numbers beside a run's progress bar, and the time left.
import { clock, decimal, whole } from "../terminal/numbers.ts";
import { type Progress, startProgress } from "../terminal/progress.ts";
import type { TrainingProgress } from "./messages.ts";

/** Draws the progress of one run. */
export class RunProgress {
  readonly #plannedSteps: number;
  readonly #progress: Progress;
  /** The first step pays for what is set up once, so time is counted from its end. */
  #first: { at: number; steps: number } | undefined;

  constructor(plannedSteps: number) {
    this.#plannedSteps = plannedSteps;
    this.#progress = startProgress(plannedSteps);
  }

  update({ steps, loss, tokensPerSecond, maxViolation }: TrainingProgress): void {
    const now = performance.now();
    this.#first ??= { at: now, steps };
    const perStep = (now - this.#first.at) / 1000 / (steps - this.#first.steps);
    const left = clock(perStep * (this.#plannedSteps - steps));
    const line = [
      `${steps}/${this.#plannedSteps}`,
      `loss ${decimal(loss, 3)}`,
      `${whole(tokensPerSecond)} tokens/s`,
      `MaxVio ${decimal(maxViolation, 2)}`,
      `${left} left`,
    ].join("  ");
    this.#progress.update(steps, line);
  }

  stop(): void {
    this.#progress.stop();
  }
}
