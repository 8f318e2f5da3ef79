// Several collectors in front of one store: takes a run over when its sender comes here, lets go of it when it went elsewhere, and
// follows the runs of the others. An embedded store is not shared, and nothing of this happens.
import { v1 } from "@moescope/proto";
import pLimit from "p-limit";
import type { Logger } from "pino";
import type { Alerts } from "./alerts/alerts.ts";
import type { Batcher } from "./ingest/batch.ts";
import type { Senders } from "./ingest/senders.ts";
import type { AlertTable } from "./store/runs/alert-table.ts";
import { reloadRun } from "./store/runs/load-runs.ts";
import type { Runs } from "./store/runs/runs.ts";
import type { Store } from "./store/store.ts";

export interface SharingOptions {
  store: Store;
  runs: Runs;
  senders: Senders;
  batcher: Batcher;
  alerts: Alerts;
  alertTable: AlertTable;
  /** Milliseconds between two looks at what other collectors have stored. */
  followInterval: number;
  log: Logger;
}

const TAKEN_OVER = "another collector has taken the run over; all ranks of a run should report to the same one";

export class Sharing {
  readonly #options: SharingOptions;
  #timer: NodeJS.Timeout | undefined;
  #following: Promise<void> | undefined;
  readonly #turns = pLimit(1);
  #fails = false;

  constructor(options: SharingOptions) {
    this.#options = options;
  }

  start(): void {
    const { store, followInterval } = this.#options;
    if (store.ownsAll) return;
    this.#timer = setInterval(() => {
      this.#following ??= this.#tryToFollow().finally(() => {
        this.#following = undefined;
      });
    }, followInterval);
  }

  /** Makes a run this collector's, with what others stored of it, before the first message of a stream is taken. */
  async take(run: string): Promise<void> {
    const { store, senders, batcher, log } = this.#options;
    if (store.owns(run)) return;
    await batcher.alone(() =>
      this.#alone(async () => {
        const marks = await store.claim(run, (lost) => this.letGo(lost));
        await this.#reload(run);
        senders.restore(run, marks);
        store.own(run);
      }),
    );
    log.info({ run }, "this collector stores the run from now on");
  }

  /** Another collector stores these runs now: their streams end, and what they sent and is not acknowledged is sent there. */
  letGo(lost: Iterable<string>): void {
    const { store, senders, batcher, log } = this.#options;
    for (const run of lost) {
      if (senders.dismiss(run)) log.warn({ run }, TAKEN_OVER);
      batcher.forget(run);
      store.letGo(run);
    }
  }

  /** Whether another collector takes it in just now, as far as the store tells. */
  isReported(run: string): boolean {
    const { store, runs } = this.#options;
    return !store.owns(run) && runs.summary(run)?.state === v1.RunSummary.State.LIVE;
  }

  /** Reads what other collectors have stored since the last time. */
  follow(): Promise<void> {
    const { store, runs } = this.#options;
    return this.#alone(async () => {
      this.letGo(await store.lost(runs.ids().filter((run) => store.owns(run))));
      for (const run of await store.refresh()) await this.#reload(run);
    });
  }

  /** Says once that it fails, however often. */
  async #tryToFollow(): Promise<void> {
    try {
      await this.follow();
      this.#fails = false;
    } catch (error) {
      if (!this.#fails) this.#options.log.error({ error }, "the runs of other collectors cannot be read; trying again");
      this.#fails = true;
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#following;
  }

  /** One after the other: what is read of a run by two would be mixed up. */
  #alone(work: () => Promise<void>): Promise<void> {
    return this.#turns(work);
  }

  async #reload(run: string): Promise<void> {
    const { store, runs, alerts, alertTable } = this.#options;
    await reloadRun(store, runs, run);
    alerts.replace(run, await alertTable.read(run));
  }
}
