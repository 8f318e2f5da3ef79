// Adds up the ranks of a step as they arrive, in any order: sums of recent steps in memory, older ones from the store.

import { addRank, addRanks, type StepSum } from "@moescope/metrics";
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

/** An entry that is a step. */
type Counted = Entry & { body: StepBody };

function isStep(entry: Entry): entry is Counted {
  return "step" in entry.body;
}

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
    const together = new Map<string, Counted[]>();
    for (const entry of entries) {
      if (!isStep(entry)) continue;
      const { step, sum } = entry.body;
      const [key, own] = [stepKey(step), sentKey(step)];
      const refusal = sum ? undefined : this.#refused(step, stored.get(key)?.has(step.rank) || sent.has(own));
      if (refusal !== undefined) (entry as Entry).body = { refusal };
      else sent.add(own);
      if (sum || refusal) continue;
      const others = together.get(key);
      if (others === undefined) together.set(key, [entry]);
      else others.push(entry);
    }
    for (const [key, ranks] of together) await this.#countStep(ranks, stored.get(key));
  }

  #refused(step: v1.Step, isRepeated: boolean): Refusal | undefined {
    return this.#expired(step) ?? (isRepeated ? repeated(step) : undefined);
  }

  /** Ranks of one step: at once, or one by one where one of them is at fault. */
  async #countStep(ranks: readonly Counted[], stored: ReadonlySet<number> | undefined): Promise<void> {
    if (ranks.length > 1) {
      try {
        await this.#add(
          ranks.map(({ body }) => body),
          stored,
        );
        return;
      } catch (error) {
        if (error instanceof StoreError) throw error;
      }
    }
    for (const entry of ranks) {
      const refusal = await this.#countAlone(entry.body, stored);
      if (refusal !== undefined) (entry as Entry).body = { refusal };
    }
  }

  async #countAlone(body: StepBody, stored: ReadonlySet<number> | undefined): Promise<Refusal | undefined> {
    try {
      await this.#add([body], stored);
      return undefined;
    } catch (error) {
      if (error instanceof StoreError) throw error;
      const { run, rank, attempt, sequence } = body.step;
      this.#log.error({ error, run, rank, attempt, sequence }, "a step cannot be counted; it is refused");
      return brokenBy(error);
    }
  }

  /** Gives each of the ranks their sum, and says as which of them it came. */
  async #add(bodies: readonly StepBody[], stored: ReadonlySet<number> | undefined): Promise<void> {
    const { step, memory } = bodies[0]!;
    const { ranks } = this.#runs.description(step.run)!;
    const room = (experts: number) => memory.float64s(experts);
    if (ranks === 1) {
      bodies[0]!.sum = addRank(step, undefined, room);
      return;
    }
    const key = stepKey(step);
    const recent = this.#recent.get(key);
    const before = recent ?? (stored && (await this.#store.storedSum(step, stored, this.#runs.description(step.run)!)));
    const sum =
      bodies.length === 1
        ? addRank(step, before, room)
        : addRanks(
            bodies.map((body) => body.step),
            before,
            room,
          );
    for (const [index, body] of bodies.entries()) {
      body.sum = { ...sum, ranks: sum.ranks - bodies.length + index + 1 };
    }
    if (recent !== undefined) this.#forget(key, recent);
    if (sum.ranks < ranks) {
      this.#recent.set(key, sum);
      this.#numbers += numbersIn(sum.bucket);
    }
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
