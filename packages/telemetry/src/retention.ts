// How long training steps are stored one by one: marks older ones as expired once rollups hold them, and has their rows deleted.
import { v1 } from "@moescope/proto";
import type { Logger } from "pino";
import type { Batcher } from "./ingest/batch.ts";
import { lastTrainedBefore } from "./store/reading/steps-by-age.ts";
import type { Runs } from "./store/runs/runs.ts";
import type { Store } from "./store/store.ts";
import type { Expiry } from "./store/writing/single-steps.ts";

/** All of them, the newest of each attempt, or those trained in the last milliseconds. */
export type KeepSingle = "all" | { steps: number } | { milliseconds: number };

export interface RetentionOptions {
  keepSingle: KeepSingle;
  /** Steps that are rolled up together; this many expire together. */
  rollUpEvery: number;
  /** Milliseconds between two looks. Rows are deleted one look after they are marked. */
  retentionInterval: number;
  store: Store;
  runs: Runs;
  batcher: Pick<Batcher, "alone">;
  /** Makes a run this collector's that another one stored, or none does any more. */
  take: (run: string) => Promise<void>;
  log: Logger;
}

export class Retention {
  readonly #options: RetentionOptions;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  start(): void {
    const { log, retentionInterval } = this.#options;
    const look = () => {
      this.#looking ??= this.look()
        .catch((error) =>
          log.error({ error }, `steps that have expired are not deleted: ${error.message}; trying again`),
        )
        .finally(() => {
          this.#looking = undefined;
        });
    };
    this.#timer = setInterval(look, retentionInterval);
  }

  /** Deletes what an earlier look marked, and marks what has become too old since. */
  async look(): Promise<void> {
    const { store, runs, batcher, log } = this.#options;
    await this.#takeAbandoned();
    await store.deleteExpired();
    const expiries = await this.#tooOld(store.trainedAttempts());
    if (expiries.length === 0) return;
    await batcher.alone(() => store.expire(expiries));
    for (const { run, attempt, until } of expiries) {
      runs.stepsExpired(run, attempt, until);
      log.info({ run, attempt, until }, "training steps before this one are kept in rollups alone from now on");
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Where several collectors share a store, steps expire at the one that receives the run; of a run that none receives, at any. */
  async #takeAbandoned(): Promise<void> {
    const { store, runs, take } = this.#options;
    const abandoned = runs.ids().filter((run) => !store.owns(run) && isAbandoned(runs.summary(run)!));
    const attempts = abandoned.flatMap((run) => {
      return runs.summary(run)!.attempts.map(({ attempt, lastStep }) => {
        const { exponent } = store.sealed(run, v1.Split.TRAIN, attempt!);
        const sealed = store.sealedUntil(run, v1.Split.TRAIN, attempt!);
        return { run, attempt: attempt!, highest: lastStep!, sealed, exponent };
      });
    });
    const overdue = await this.#tooOld(attempts);
    for (const run of new Set(overdue.map(({ run }) => run))) await take(run);
  }

  /** @returns what has not expired yet and should. The newest step of an attempt never does: it is what a summary shows */
  async #tooOld(attempts: ReturnType<Store["trainedAttempts"]>): Promise<Expiry[]> {
    const { keepSingle, rollUpEvery, store } = this.#options;
    if (keepSingle === "all" || attempts.length === 0) return [];
    const firstKept = await this.#firstKept(keepSingle);
    const expiries = attempts.map(({ run, attempt, highest, sealed, exponent }) => {
      const before = Math.min(firstKept(run, attempt, highest), highest, sealed);
      const together = rollUpEvery * 2 ** exponent;
      return { run, attempt, until: Math.floor(before / together) * together };
    });
    return expiries.filter(({ run, attempt, until }) => until > store.singleFrom(run, attempt));
  }

  async #firstKept(
    keep: Exclude<KeepSingle, "all">,
  ): Promise<(run: string, attempt: number, highest: number) => number> {
    if ("steps" in keep) return (_run, _attempt, highest) => highest + 1 - keep.steps;
    const lastOld = await lastTrainedBefore(this.#options.store.database, Date.now() - keep.milliseconds);
    return (run, attempt) => lastOld(run, attempt) + 1;
  }
}

/** Milliseconds without a message and without an end. */
const ABANDONED_AFTER = 3_600_000;

function isAbandoned({ state, lastMessageAt }: v1.RunSummary): boolean {
  const { LIVE, SILENT } = v1.RunSummary.State;
  return state === SILENT ? Date.now() - lastMessageAt > ABANDONED_AFTER : state !== LIVE;
}
