// The parts of a collector in the order they start: stopped in reverse, all of them, or those that had started when one failed.
import type { Logger } from "pino";

/** A part of a collector. */
export interface Stage<Started = void> {
  /** What the log calls it. */
  name: string;
  /** A part that throws here leaves nothing running. */
  start?: () => Started | Promise<Started>;
  stop?: (started: Started) => void | Promise<void>;
  /** Milliseconds after the first stage began to stop; by then stopping goes on without this one. */
  stopsBy?: number;
}

/** Milliseconds that a stage has whatever the time. */
const LEAST = 50;

export class Stages {
  readonly #log: Logger;
  readonly #started: { name: string; stop: () => void | Promise<void>; stopsBy: number }[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @returns what its `start` made */
  async start<Started>({ name, start, stop, stopsBy = 0 }: Stage<Started>): Promise<Started> {
    const started = (await start?.()) as Started;
    this.#started.push({ name, stop: () => stop?.(started), stopsBy });
    return started;
  }

  /** Stops what has started, the last first. What fails, or takes too long, is logged and holds up none of the others. */
  async stop(): Promise<void> {
    const began = performance.now();
    for (const { name, stop, stopsBy } of this.#started.reverse()) {
      const milliseconds = Math.max(LEAST, Math.ceil(began + stopsBy - performance.now()));
      const stopped = Promise.resolve().then(stop);
      stopped.catch((error) => this.#log.error({ error, stage: name }, "a part of the collector failed to stop"));
      if (await isDone(stopped, milliseconds)) continue;
      this.#log.error({ stage: name, milliseconds }, "a part of the collector takes too long to stop; left to itself");
    }
  }
}

/** @returns whether it has settled in time */
async function isDone(work: Promise<void>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, milliseconds, false);
  });
  const settled = work.then(
    () => true,
    () => true,
  );
  const done = await Promise.race([settled, late]);
  clearTimeout(timer);
  return done;
}
