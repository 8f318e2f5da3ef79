// Group commit: gathers messages of all streams for a few milliseconds, and stores them as one batch.
import { type Batch, Committing, type CommittingOptions } from "./committing.ts";
import { Counting } from "./counting.ts";
import { type Entry, memoryOf, runsOf } from "./entry.ts";

export interface BatcherOptions extends CommittingOptions {
  flushInterval: number;
  /** Most of the time that storing small batches may take. */
  storingShare: number;
  maxPendingBytes: number;
}

/** Milliseconds; however long storing took, a step waits no longer than this for its batch to begin. */
const REST_AT_MOST = 2000;

export class Batcher {
  readonly #options: BatcherOptions;
  readonly #counting: Counting;
  readonly #committing: Committing;
  readonly #stopping = new AbortController();
  #pending: Entry[] = [];
  #pendingBytes = 0;
  /** What is being stored. */
  #current: Batch | undefined;
  /** What is stored after that: laid out in the meantime, because the store would wait for it. */
  #ahead: { batch: Batch; bytes: number; laidOut: Promise<unknown> } | undefined;
  /** Tasks waiting for an idle store; no batch starts before them. */
  #idleWanted = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Milliseconds before the next small batch, so that storing leaves the processor to others: it may be training's too. */
  #rest = 0;
  /** The end of a run waits to be stored: somebody waits for its acknowledgement. */
  #ending = false;
  #flushing: Promise<void> | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: BatcherOptions) {
    this.#options = options;
    this.#counting = new Counting(options);
    this.#committing = new Committing(options, this.#counting, this.#stopping.signal);
  }

  add(entry: Entry): void {
    this.#pending.push(entry);
    this.#pendingBytes += memoryOf([entry]);
    if ("end" in entry.body) this.#ending = true;
    this.#flushInTime();
  }

  #flushInTime(): void {
    if (this.#enough) {
      this.#startFlush();
      this.#layOutAhead();
    } else {
      this.#timer ??= setTimeout(() => this.#startFlush(), Math.max(this.#options.flushInterval, this.#rest));
    }
  }

  /** Whether what is pending should not wait for more. */
  get #enough(): boolean {
    return this.#ending || this.#pendingBytes >= this.#options.maxPendingBytes / 2;
  }

  /** What has been received and is not stored yet. */
  get unstored(): { messages: number; bytes: number } {
    const begun = this.#begun.flat();
    return { messages: this.#pending.length + begun.length, bytes: this.#pendingBytes + memoryOf(begun) };
  }

  /** Entries of the batches that are on their way. */
  get #begun(): Entry[][] {
    return [this.#current, this.#ahead?.batch].map((batch) => batch?.entries ?? []);
  }

  /** Whether senders should wait before they add more. */
  get full(): boolean {
    return this.#pendingBytes + (this.#ahead?.bytes ?? 0) >= this.#options.maxPendingBytes;
  }

  /** @param resume called once, as soon as there is room again */
  whenRoom(resume: () => void): void {
    if (this.full) this.#waiting.push(resume);
    else resume();
  }

  /** Resolves when nothing of a run waits to be stored. */
  async settled(run: string): Promise<void> {
    const isOfRun = ({ sender }: Entry) => sender.run === run;
    this.#idleWanted++;
    while ([this.#pending, ...this.#begun].some((entries) => entries.some(isOfRun))) {
      this.#startFlush();
      await this.#flushing;
    }
    this.#idleWanted--;
    this.#goOn();
  }

  /** Does something to the store while no batch is on its way into it. */
  async alone(work: () => Promise<void>): Promise<void> {
    this.#idleWanted++;
    while (this.#flushing !== undefined) await this.#flushing;
    this.#idleWanted--;
    const done = work();
    this.#flushing = done.then(
      () => this.#flushed(),
      () => this.#flushed(),
    );
    await done;
  }

  /** The run has been deleted, after it was settled. */
  forget(run: string): void {
    this.#counting.forgetRun(run);
  }

  /** Stores what is pending, and gives up after `deadline` milliseconds: what is then not stored was not acknowledged. */
  async stop(deadline: number): Promise<void> {
    const timer = setTimeout(() => this.#stopping.abort(), deadline);
    while (this.#pending.length > 0 || this.#flushing) {
      if (this.#stopping.signal.aborted && !this.#flushing) break;
      this.#startFlush();
      await this.#flushing;
    }
    clearTimeout(timer);
  }

  #startFlush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushing ??= this.#flush().finally(() => this.#flushed());
  }

  #flushed(): void {
    this.#flushing = undefined;
    if (this.#idleWanted === 0) this.#goOn();
  }

  #goOn(): void {
    if (this.#pending.length > 0 && !this.#stopping.signal.aborted) this.#flushInTime();
  }

  async #flush(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#counting.forgetOldest();
    for (let batch: Batch | undefined = this.#takePending(); batch !== undefined; batch = await this.#takeAhead()) {
      const started = performance.now();
      this.#current = batch;
      this.#resume();
      // Not before the store has been asked.
      await this.#committing.commit(batch, () => setImmediate(() => this.#layOutAhead()));
      this.#current = undefined;
      this.#rest = Math.min(REST_AT_MOST, (performance.now() - started) * (1 / this.#options.storingShare - 1));
    }
  }

  #takePending(): Batch {
    const entries = this.#pending.filter(({ sender }) => !sender.dismissed);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#ending = false;
    return { entries };
  }

  #resume(): void {
    if (this.full) return;
    for (const resume of this.#waiting.splice(0)) resume();
  }

  /** Lays out the next batch while the store is busy with one: when there is as much as one should have. */
  #layOutAhead(): void {
    const { writing } = this.#committing;
    if (writing === undefined || this.#ahead !== undefined || !this.full) return;
    if (this.#idleWanted > 0 || this.#counting.tooMany) return;
    const batch = this.#takePending();
    const before = { rows: writing, entries: this.#current!.entries };
    // What fails is tried again, and told, when its turn has come.
    const laidOut = this.#committing.layOut(batch, before).catch(() => undefined);
    this.#ahead = { batch, bytes: memoryOf(batch.entries), laidOut };
  }

  async #takeAhead(): Promise<Batch | undefined> {
    await this.#ahead?.laidOut;
    const batch = this.#ahead?.batch;
    this.#ahead = undefined;
    if (batch === undefined || this.#stopping.signal.aborted) return undefined;
    const left = batch.entries.filter(({ sender }) => !sender.dismissed);
    if (left.length === batch.entries.length) return batch;
    // It may have been added up after the run had gone.
    for (const run of runsOf(batch.entries.filter(({ sender }) => sender.dismissed))) this.#counting.forgetRun(run);
    return { entries: left };
  }
}
