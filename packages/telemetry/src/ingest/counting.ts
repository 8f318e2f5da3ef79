// Adds up the ranks of a step as they arrive, in any order: sums of recent steps in memory, older ones from the store.

import { addRank, type StepSum } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import type { Logger } from "pino";
import { StoreError } from "../store/engine/store-error.ts";
import type { StepPlace } from "../store/reading/stored-ranks.ts";
import type { Runs } from "../store/runs/runs.ts";
import type { Store } from "../store/store.ts";
import { numbersIn } from "../store/writing/bucket-size.ts";
import type { Entry, StepBody } from "./entry.ts";
import { brokenBy, malformed, type Refusal } from "./refusal.ts";

/** Sums kept in memory, counted in numbers held (8 bytes each). Beyond it a late rank costs a query. */
const MAX_NUMBERS = 8_000_000;

export class Counting {
  readonly #store: Store;
  readonly #runs: Runs;
  readonly #log: Logger;
  readonly #recent = new Map<string, StepSum>();
  #numbers = 0;

  constructor({ store, runs, log }: { store: Store; runs: Runs; log: Logger }) {
    this.#store = store;
    this.#runs = runs;
    this.#log = log;
  }

  get tooMany(): boolean {
    return this.#numbers > MAX_NUMBERS;
  }

  /** Call it between batches only: what is forgotten here must be in the store. */
  forgetOldest(): void {
    for (const [key, sum] of this.#recent) {
      if (!this.tooMany) return;
      this.#forget(key, sum);
    }
  }

  /** The run has been deleted, or what was counted of it is not stored. */
  forgetRun(run: string): void {
    for (const [key, sum] of this.#recent) if (sum.bucket.run === run) this.#forget(key, sum);
  }

  /**
   * Counts what is not counted yet. A step that cannot be is refused.
   *
   * @param unstored entries of the batch before, whose steps are not in the store yet
   * @throws StoreError, after which it may be called again
   */
  async count(entries: readonly Entry[], unstored: readonly Entry[] = []): Promise<void> {
    const stored = await this.#storedRanks(entries);
    const sent = new Set<string>();
    for (const { body } of unstored) if ("step" in body) sent.add(sentKey(body.step));
    for (const entry of entries) {
      const { body } = entry;
      if (!("step" in body)) continue;
      const key = sentKey(body.step);
      const refusal = body.sum ? undefined : await this.#count(body, stored.get(stepKey(body.step)), sent.has(key));
      if (refusal !== undefined) entry.body = { refusal };
      else sent.add(key);
    }
  }

  async #count(body: StepBody, stored: ReadonlySet<number> | undefined, sent: boolean): Promise<Refusal | undefined> {
    const { step } = body;
    const refusal = this.#expired(step) ?? (sent || stored?.has(step.rank) ? repeated(step) : undefined);
    if (refusal !== undefined) return refusal;
    try {
      body.sum = await this.#add(body, stored);
      return undefined;
    } catch (error) {
      if (error instanceof StoreError) throw error;
      const { run, rank, attempt, sequence } = step;
      this.#log.error({ error, run, rank, attempt, sequence }, "a step cannot be counted; it is refused");
      return brokenBy(error);
    }
  }

  async #add({ step, memory }: StepBody, stored: ReadonlySet<number> | undefined): Promise<StepSum> {
    const { ranks } = this.#runs.description(step.run)!;
    const room = (experts: number) => memory.float64s(experts);
    if (ranks === 1) return addRank(step, undefined, room);
    const key = stepKey(step);
    const recent = this.#recent.get(key);
    const before = recent ?? (stored && (await this.#store.storedSum(step, stored, this.#runs.description(step.run)!)));
    const sum = addRank(step, before, room);
    if (recent !== undefined) this.#forget(key, recent);
    if (sum.ranks < ranks) {
      this.#recent.set(key, sum);
      this.#numbers += numbersIn(sum.bucket);
    }
    return sum;
  }

  /** A step may have expired while it waited. */
  #expired({ run, attempt, split, step }: v1.Step): Refusal | undefined {
    const from = this.#store.singleFrom(run, attempt);
    if (split !== v1.Split.TRAIN || step >= from) return undefined;
    const message = `step ${step}: the steps of run ${run}, attempt ${attempt} before ${from} are kept in sums alone, which it can no longer be added to`;
    return { reason: v1.Rejection.Reason.EXPIRED, message };
  }

  /** One query for each attempt that has steps which may be stored already: usually none has. */
  async #storedRanks(entries: readonly Entry[]): Promise<Map<string, ReadonlySet<number>>> {
    const doubtful = new Map<string, v1.Step[]>();
    for (const { body } of entries) {
      if (!("step" in body) || body.sum || !this.#mayBeStored(body.step)) continue;
      const { run, split, attempt } = body.step;
      const key = `${run}/${split}/${attempt}`;
      const steps = doubtful.get(key);
      if (steps === undefined) doubtful.set(key, [body.step]);
      else steps.push(body.step);
    }
    const found = new Map<string, ReadonlySet<number>>();
    for (const steps of doubtful.values()) {
      const { run, split, attempt } = steps[0]!;
      const place = { run, split, attempt };
      const numbers = steps.map(({ step }) => step);
      for (const [step, ranks] of await this.#store.storedRanks(place, numbers)) {
        found.set(stepKey({ ...place, step }), ranks);
      }
    }
    return found;
  }

  /** Whether a rank, this one or another, may have sent the step before. */
  #mayBeStored(step: v1.Step): boolean {
    if (this.#runs.description(step.run)!.ranks === 1 || this.#recent.has(stepKey(step))) {
      return step.step <= this.#store.highestOfRank(step);
    }
    return step.step <= this.#store.highestNear(step);
  }

  #forget(key: string, sum: StepSum): void {
    if (this.#recent.delete(key)) this.#numbers -= numbersIn(sum.bucket);
  }
}

function stepKey({ run, attempt, split, step }: StepPlace): string {
  return `${run}/${attempt}/${split}/${step}`;
}

function sentKey(step: v1.Step): string {
  return `${stepKey(step)}/${step.rank}`;
}

function repeated({ step, rank, attempt, split }: v1.Step): Refusal {
  const name = v1.Split[split]!.toLowerCase();
  return malformed(
    `step ${step} (${name}): rank ${rank} has sent it before in attempt ${attempt}; a step that is made again belongs to a new attempt`,
  );
}
