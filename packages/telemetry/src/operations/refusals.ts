// Counts what is refused by its reason, and logs it without letting whoever is refused fill the log.
import type { Logger } from "pino";

/** Milliseconds between two lines of the log for one reason. */
const LOG_AGAIN_AFTER = 60_000;

export class Refusals {
  readonly counts: Record<string, number>;
  readonly #log: Logger;
  readonly #what: string;
  readonly #logged = new Map<string, { at: number; count: number }>();

  /**
   * @param counts refusals by reason, added to here; reasons come from the code, never from a request
   * @param what is refused, as in "request"
   */
  constructor(counts: Record<string, number>, log: Logger, what: string) {
    this.counts = counts;
    this.#log = log;
    this.#what = what;
  }

  /** @param details of this one; logged for the first of a reason, and then for one a minute, with how many there were since */
  add(reason: string, details: object): void {
    const count = (this.counts[reason] ?? 0) + 1;
    this.counts[reason] = count;
    const last = this.#logged.get(reason);
    const now = Date.now();
    if (last !== undefined && now - last.at < LOG_AGAIN_AFTER) return;
    this.#logged.set(reason, { at: now, count });
    const since = count - (last?.count ?? 0);
    this.#log.warn({ reason, ...details, ...(since > 1 && { since }) }, `${this.#what} refused`);
  }
}
