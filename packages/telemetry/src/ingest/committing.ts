// Stores batches until they are stored, and acknowledges them. A message that cannot be stored is refused; the others of its batch are not.
import { setTimeout as delay } from "node:timers/promises";
import type { StepSum } from "@moescope/metrics";
import type { v1 } from "@moescope/proto";
import type { Logger } from "pino";
import type { Counters } from "../counters.ts";
import type { FreeSpace } from "../store/engine/free-space.ts";
import { StoreError } from "../store/engine/store-error.ts";
import type { Runs } from "../store/runs/runs.ts";
import type { BatchRows, Store } from "../store/store.ts";
import type { Counting } from "./counting.ts";
import { contentOf, type Entry, runsOf } from "./entry.ts";
import { brokenBy } from "./refusal.ts";
import type { Sender } from "./senders.ts";

/** Messages that are stored together. */
export interface Batch {
  entries: Entry[];
  rows?: BatchRows | undefined;
}

export interface CommittingOptions {
  store: Store;
  freeSpace: FreeSpace;
  runs: Runs;
  counters: Counters;
  log: Logger;
  /** Called with every step once it is stored. */
  onStored: (sum: StepSum) => void;
  /** Called with every batch once it is stored. */
  onBatch: (batch: StoredBatch) => void;
  /** Called with runs that another collector has taken over in the meantime: what was received of them is not stored. */
  onLost: (runs: Iterable<string>) => void;
  /** Asked when a step is stored: whether something still looks at the numbers of its run's steps. */
  numbersInUse: (run: string) => boolean;
  /** Called after every try to write: whether it failed. */
  onWritten: (failed: boolean) => void;
}

export interface StoredBatch {
  messages: number;
  /** As they were received. */
  bytes: number;
  steps: readonly v1.Step[];
  /** How long it took to write, tries that failed included. */
  milliseconds: number;
}

const RETRY_AFTER_MS = 500;
/** A batch whose rows the store objects to is tried again this often: it may have been short of memory. */
const TRIES_OF_ROWS = 3;

/** Runs of a batch that another collector has taken over: nothing of them was stored. */
type Lost = ReadonlySet<string>;

export class Committing {
  readonly #options: CommittingOptions;
  readonly #counting: Counting;
  readonly #stopping: AbortSignal;
  #writing: BatchRows | undefined;

  /** @param stopping once aborted nothing is tried again */
  constructor(options: CommittingOptions, counting: Counting, stopping: AbortSignal) {
    this.#options = options;
    this.#counting = counting;
    this.#stopping = stopping;
  }

  /** What the store is writing, with little for this process to do. */
  get writing(): BatchRows | undefined {
    return this.#writing;
  }

  /**
   * Stores a batch and acknowledges it; returns without either when it is given up because the collector stops.
   *
   * @param begun called when the rows are on their way
   */
  async commit(batch: Batch, begun?: () => void): Promise<void> {
    const began = performance.now();
    let lost: Lost | undefined;
    try {
      lost = await this.#storeUntilDone(batch, begun);
    } catch (error) {
      await this.#commitApart(batch, error);
      return;
    }
    if (lost === undefined) return;
    const taken = lost;
    if (taken.size > 0) this.#tell(() => this.#options.onLost(taken));
    const entries = taken.size === 0 ? batch.entries : batch.entries.filter(({ sender }) => !taken.has(sender.run));
    this.#announce(entries, performance.now() - began);
    this.#answer(entries);
    this.#release(batch.entries);
  }

  /** Makes the rows of a batch. @param before the batch that is being written, whose entries are not in the store yet */
  async layOut(batch: Batch, before?: { rows: BatchRows; entries: readonly Entry[] }): Promise<BatchRows> {
    await this.#counting.count(batch.entries, before?.entries);
    batch.rows = this.#options.store.layOut(contentOf(batch.entries), before?.rows);
    return batch.rows;
  }

  // A batch stays as it was first put together: only then is a half-written one recognised when it is written again.
  /** @returns undefined when it was given up. @throws what is not the store's state, but the fault of a message or of this program */
  async #storeUntilDone(batch: Batch, begun?: () => void): Promise<Lost | undefined> {
    const { store, freeSpace, log } = this.#options;
    let rows: BatchRows | undefined;
    for (let failures = 0; ; failures++) {
      try {
        rows ??= await this.#rowsOf(batch);
        await freeSpace.expectEnough();
        const lost = await this.#write(rows, begun);
        if (failures > 0) log.info({ failures }, "the store takes data again");
        this.#options.onWritten(false);
        return lost;
      } catch (error) {
        const ofTheRows = error instanceof StoreError && error.ofTheRows && failures >= TRIES_OF_ROWS;
        if (!(error instanceof StoreError) || (ofTheRows && !rows?.marked)) {
          if (rows !== undefined) await this.#untilAnswered(() => store.abandon(rows!));
          throw error;
        }
        this.#failed(error, failures);
        if (await this.#stoppedWhileWaiting()) return undefined;
      }
    }
  }

  async #rowsOf(batch: Batch): Promise<BatchRows> {
    // Something before it was stored in more batches than was expected.
    if (batch.rows !== undefined && batch.rows.number !== this.#options.store.nextBatch) this.#uncount(batch);
    return batch.rows ?? this.layOut(batch);
  }

  async #write(rows: BatchRows, begun?: () => void): Promise<Lost> {
    try {
      return await this.#options.store.write(rows, () => {
        this.#writing = rows;
        begun?.();
      });
    } finally {
      this.#writing = undefined;
    }
  }

  #failed(error: StoreError, failures: number): void {
    this.#options.counters.failedWrites++;
    this.#options.onWritten(true);
    if (failures > 0) return;
    this.#options.log.error(
      { error },
      `the store refuses data: ${error.message}; nothing more is acknowledged, senders keep their data, trying again until it works`,
    );
  }

  async #stoppedWhileWaiting(): Promise<boolean> {
    await delay(RETRY_AFTER_MS, undefined, { signal: this.#stopping }).catch(() => undefined);
    return this.#stopping.aborted;
  }

  async #untilAnswered(work: () => Promise<void>): Promise<void> {
    for (let failures = 0; ; failures++) {
      try {
        await work();
        return;
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        this.#failed(error, failures);
        if (await this.#stoppedWhileWaiting()) return;
      }
    }
  }

  /** Halves a batch that cannot be stored until the message at fault is alone, and refuses that. */
  async #commitApart(batch: Batch, error: unknown): Promise<void> {
    if (this.#stopping.aborted) return;
    this.#uncount(batch);
    const { entries } = batch;
    if (entries.length > 1) {
      const half = Math.ceil(entries.length / 2);
      await this.commit({ entries: entries.slice(0, half) });
      await this.commit({ entries: entries.slice(half) });
      return;
    }
    const [{ sender, sequence, body }] = entries as [Entry];
    const { run, rank, attempt } = sender;
    this.#options.log.error({ error, run, rank, attempt, sequence }, "a message cannot be stored; it is refused");
    // That a message is refused is the least that can be stored; there is nothing left to leave out.
    if ("refusal" in body && (await this.#stoppedWhileWaiting())) return;
    await this.commit({ entries: [{ ...entries[0]!, body: { refusal: brokenBy(error) } }] });
  }

  /** Makes a batch as it was before it was counted and laid out. */
  #uncount(batch: Batch): void {
    batch.rows = undefined;
    for (const run of runsOf(batch.entries)) {
      this.#counting.forgetRun(run);
      this.#options.store.forgetRunning(run);
    }
    for (const { body } of batch.entries) if ("step" in body) delete body.sum;
  }

  /** Tells everyone who wants to know. What they fail over is logged: it is stored all the same. */
  #announce(entries: readonly Entry[], milliseconds: number): void {
    const { runs, counters, onBatch, onStored } = this.#options;
    const { steps, ends, streams } = contentOf(entries);
    const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    counters.stored += steps.length + ends.length;
    this.#tell(() =>
      onBatch({ ...{ messages: entries.length, bytes, milliseconds }, steps: steps.map(({ message }) => message) }),
    );
    for (const { message, sum } of steps) {
      this.#tell(() => runs.stepStored(sum, message.rank), message);
      this.#tell(() => onStored(sum), message);
    }
    for (const end of ends) this.#tell(() => runs.endStored(end), end);
    for (const mark of streams) {
      this.#tell(() => runs.messagesArrived(mark.run, mark.lastMessageAt, mark.rejected), mark);
    }
  }

  #answer(entries: readonly Entry[]): void {
    const senders = new Set<Sender>();
    for (const { sender, sequence, body } of entries) {
      sender.durable = sequence;
      if ("refusal" in body)
        this.#tell(() => sender.reply?.reject(sender, sequence, body.refusal), { ...sender, sequence });
      senders.add(sender);
    }
    for (const sender of senders) {
      this.#tell(() => sender.reply?.acknowledge(sender), { ...sender, sequence: sender.durable });
    }
  }

  #tell(work: () => void, about?: Pick<v1.Step, "run" | "rank" | "attempt" | "sequence">): void {
    try {
      work();
    } catch (error) {
      const place = about && { run: about.run, rank: about.rank, attempt: about.attempt, sequence: about.sequence };
      this.#options.log.error({ error, ...place }, "a message is stored, but not everything was told of it");
    }
  }

  #release(entries: readonly Entry[]): void {
    const inUse = new Map<string, boolean>();
    for (const { body } of entries) {
      if (!("step" in body)) continue;
      const { run } = body.step;
      if (!inUse.has(run)) inUse.set(run, this.#options.numbersInUse(run));
      if (!inUse.get(run)) body.memory.release();
    }
  }
}
