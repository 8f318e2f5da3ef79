// The parts of a collector in the order they start: stopped in reverse, all of them, or those that had started when one failed.

/** A part of a collector. */
export interface Stage<Started = void> {
  name: string;
  /** A part that throws here leaves nothing running. */
  start?: () => Started | Promise<Started>;
  stop?: (started: Started) => void | Promise<void>;
}

export class Stages {
  readonly #stops: (() => void | Promise<void>)[] = [];

  /** @returns what its `start` made */
  async start<Started>({ start, stop }: Stage<Started>): Promise<Started> {
    const started = (await start?.()) as Started;
    this.#stops.push(() => stop?.(started));
    return started;
  }

  /** Stops what has started, the last first. */
  async stop(): Promise<void> {
    for (const stop of this.#stops.reverse()) await stop();
  }
}
