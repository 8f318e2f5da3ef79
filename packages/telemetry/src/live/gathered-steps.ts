// Live steps of a run with several ranks: each goes out once every rank has sent its part, and after the steps before it. A viewer
// that was sent the part of one rank would show it as the step.
import type { StepSum } from "@moescope/metrics";

/** Milliseconds that a step waits for ranks; then it goes out as far as it is known, and again when another rank has sent its part. */
const PATIENCE = 1_000;
/** Steps of one run that wait: beyond that the first goes out as it is. */
const MOST_WAITING = 256;

interface Waiting {
  sum: StepSum;
  until: number;
}

export class GatheredSteps {
  readonly #ranksOf: (run: string) => number;
  readonly #send: (sum: StepSum) => void;
  /** By run, split and attempt; in each by step. */
  readonly #waiting = new Map<string, Map<number, Waiting>>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param ranksOf how many ranks a run has
   * @param send called with every step when it goes out
   */
  constructor(ranksOf: (run: string) => number, send: (sum: StepSum) => void) {
    this.#ranksOf = ranksOf;
    this.#send = send;
  }

  /** @param sum of the ranks that have sent this step by now; it may come again with more of them */
  add(sum: StepSum): void {
    const { run, split, attempt, firstStep } = sum.bucket;
    const key = `${run}/${split}/${attempt}`;
    const waiting = this.#waiting.get(key) ?? new Map<number, Waiting>();
    this.#waiting.set(key, waiting);
    waiting.set(firstStep, { sum, until: waiting.get(firstStep)?.until ?? performance.now() + PATIENCE });
    this.#sendDue(key, waiting);
    this.#wait();
  }

  /** What waits goes out as it is. */
  flush(): void {
    clearTimeout(this.#timer);
    for (const waiting of this.#waiting.values()) for (const { sum } of inOrder(waiting)) this.#send(sum);
    this.#waiting.clear();
  }

  #sendDue(key: string, waiting: Map<number, Waiting>): void {
    for (const { sum, until } of inOrder(waiting)) {
      const whole = sum.ranks >= this.#ranksOf(sum.bucket.run);
      if (!whole && until > performance.now() && waiting.size <= MOST_WAITING) break;
      waiting.delete(sum.bucket.firstStep);
      this.#send(sum);
    }
    if (waiting.size === 0) this.#waiting.delete(key);
  }

  #wait(): void {
    if (this.#waiting.size === 0) clearTimeout(this.#timer);
    this.#timer = this.#waiting.size === 0 ? undefined : (this.#timer ?? setTimeout(() => this.#look(), PATIENCE / 4));
  }

  #look(): void {
    this.#timer = undefined;
    for (const [key, waiting] of this.#waiting) this.#sendDue(key, waiting);
    this.#wait();
  }
}

function inOrder(waiting: Map<number, Waiting>): Waiting[] {
  return waiting.size < 2 ? [...waiting.values()] : [...waiting].sort(([a], [b]) => a - b).map(([, each]) => each);
}
