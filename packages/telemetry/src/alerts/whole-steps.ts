// Steps of a run whose every rank has arrived, each once, in the order of their numbers as far as they wait for each other. A rank that
// lags holds them back, but not for ever.
import type { StepSum } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";

/** So many steps wait for their last rank; then the earliest goes on without it. */
const MOST_WAITING = 32;
/** Steps that have gone on and are remembered, so that none goes on twice. */
const MOST_PASSED = 4096;

export class WholeSteps {
  readonly #ranks: number;
  #attempt = 0;
  readonly #passed = new Set<number>();
  #waiting = new Map<number, StepSum>();

  constructor(ranks: number) {
    this.#ranks = ranks;
  }

  /** @returns the steps that are whole now; a step that was passed over, or is of an earlier attempt, is not among them */
  add(sum: StepSum): v1.StepBucket[] {
    const { attempt, lastStep } = sum.bucket;
    if (attempt > this.#attempt) this.#restart(attempt);
    if (attempt < this.#attempt || this.#passed.has(lastStep)) return [];
    this.#waiting.set(lastStep, sum);
    const ready: v1.StepBucket[] = [];
    for (const [step, { ranks, bucket }] of [...this.#waiting].sort(([a], [b]) => a - b)) {
      if (ranks < this.#ranks && this.#waiting.size <= MOST_WAITING) break;
      this.#waiting.delete(step);
      this.#pass(step);
      ready.push(bucket);
    }
    return ready;
  }

  #restart(attempt: number): void {
    this.#attempt = attempt;
    this.#passed.clear();
    this.#waiting.clear();
  }

  #pass(step: number): void {
    this.#passed.add(step);
    const [oldest] = this.#passed;
    if (this.#passed.size > MOST_PASSED) this.#passed.delete(oldest!);
  }
}
