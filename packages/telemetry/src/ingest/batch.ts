// Group commit: gathers messages of all streams for a few milliseconds, stores them as one batch, then acknowledges.
import { setTimeout as delay } from "node:timers/promises";
import { v1 } from "@moescope/proto";
import type { Logger } from "pino";
import type { Counters } from "../counters.ts";
import type { FreeSpace } from "../store/free-space.ts";
import type { BatchContent, StreamMark } from "../store/rows.ts";
import type { Runs } from "../store/runs.ts";
import type { StepSum } from "../store/step-sum.ts";
import type { PreparedBatch, Store } from "../store/store.ts";
import { RankSums } from "./rank-sums.ts";
import type { Refusal } from "./refusal.ts";
import type { Sender } from "./senders.ts";

/** The next message of a sender: to be stored, or refused. A refusal is part of the batch, because it too is told only once. */
export interface Entry {
  sender: Sender;
  sequence: number;
  /** Size of the message as it was received. */
  bytes: number;
  body: { step: v1.Step } | { end: v1.RunEnd } | { refusal: Refusal };
}

export interface BatcherOptions {
  flushInterval: number;
  /** Most of the time that storing small batches may take. */
  storingShare: number;
  maxPendingBytes: number;
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
/** Milliseconds; however long storing took, a step waits no longer than this for its batch to begin. */
const REST_AT_MOST = 2000;
/** A rejected message may be empty; what is kept of it is not. */
const ENTRY_OVERHEAD_BYTES = 512;

export class Batcher {
  readonly #options: BatcherOptions;
  readonly #sums: RankSums;
  readonly #stopping = new AbortController();
  #pending: Entry[] = [];
  #pendingBytes = 0;
  /** What is being stored. */
  #committing: Entry[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** Milliseconds before the next small batch, so that storing leaves the processor to others: it may be training's too. */
  #rest = 0;
  /** The end of a run waits to be stored: somebody waits for its acknowledgement. */
  #ending = false;
  #flushing: Promise<void> | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: BatcherOptions) {
    this.#options = options;
    this.#sums = new RankSums(options.store, options.runs);
  }

  add(entry: Entry): void {
    this.#pending.push(entry);
    this.#pendingBytes += entry.bytes + ENTRY_OVERHEAD_BYTES;
    if ("end" in entry.body) this.#ending = true;
    this.#flushInTime();
  }

  #flushInTime(): void {
    const { maxPendingBytes, flushInterval } = this.#options;
    if (this.#ending || this.#pendingBytes >= maxPendingBytes / 2) this.#startFlush();
    else this.#timer ??= setTimeout(() => this.#startFlush(), Math.max(flushInterval, this.#rest));
  }

  /** What has been received and is not stored yet. */
  get unstored(): { messages: number; bytes: number } {
    const { bytes } = sizeOf(this.#committing);
    return { messages: this.#pending.length + this.#committing.length, bytes: this.#pendingBytes + bytes };
  }

  /** Whether senders should wait before they add more. */
  get full(): boolean {
    return this.#pendingBytes >= this.#options.maxPendingBytes;
  }

  /** @param resume called once, as soon as there is room again */
  whenRoom(resume: () => void): void {
    if (this.full) this.#waiting.push(resume);
    else resume();
  }

  /** Resolves when nothing of a run waits to be stored. */
  async settled(run: string): Promise<void> {
    const isOfRun = ({ sender }: Entry) => sender.run === run;
    while (this.#pending.some(isOfRun) || this.#committing.some(isOfRun)) {
      this.#startFlush();
      await this.#flushing;
    }
  }

  /** Does something to the store while no batch is on its way into it. */
  async alone(work: () => Promise<void>): Promise<void> {
    while (this.#flushing) await this.#flushing;
    const done = work();
    this.#flushing = done.then(
      () => this.#flushed(),
      () => this.#flushed(),
    );
    await done;
  }

  /** The run has been deleted, after it was settled. */
  forget(run: string): void {
    this.#sums.forgetRun(run);
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
    if (this.#pending.length > 0 && !this.#stopping.signal.aborted) this.#flushInTime();
  }

  async #flush(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const started = performance.now();
    const entries = this.#pending.filter(({ sender }) => !sender.dismissed);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#ending = false;
    for (const resume of this.#waiting.splice(0)) resume();
    this.#committing = entries;
    await this.#commit(entries);
    this.#committing = [];
    const { storingShare } = this.#options;
    this.#rest = Math.min(REST_AT_MOST, (performance.now() - started) * (1 / storingShare - 1));
  }

  async #commit(entries: Entry[]): Promise<void> {
    const began = performance.now();
    const written = await this.#storeUntilDone(entries);
    if (written === undefined) return;
    const { lost } = written;
    if (lost.size > 0) this.#options.onLost(lost);
    const stored = lost.size > 0 ? withoutRuns(written.content, lost) : written.content;
    const steps = stored.steps.map(({ message }) => message);
    this.#options.onBatch({ ...sizeOf(entries), steps, milliseconds: performance.now() - began });
    for (const { message, sum } of stored.steps) {
      this.#options.runs.stepStored(sum, message.rank);
      this.#options.onStored(sum);
    }
    for (const end of stored.ends) this.#options.runs.endStored(end);
    for (const mark of stored.streams) this.#options.runs.messagesArrived(mark.run, mark.lastMessageAt, mark.rejected);
    answer(entries.filter(({ sender }) => !lost.has(sender.run)));
    this.#options.counters.stored += stored.steps.length + stored.ends.length;
  }

  // The batch stays as it was first put together: only then is a half-written one recognised when it is written again.
  async #storeUntilDone(entries: Entry[]): Promise<{ content: BatchContent; lost: ReadonlySet<string> } | undefined> {
    const content: BatchContent = { steps: [], ends: [], streams: [] };
    const uncounted = [...entries];
    this.#sums.forgetOldest();
    let prepared: PreparedBatch | undefined;
    for (let failures = 0; ; failures++) {
      try {
        if (prepared === undefined) {
          await this.#count(uncounted, content);
          content.streams = marksOf(entries);
          prepared = this.#options.store.prepare(content);
        }
        await this.#options.freeSpace.expectEnough();
        const lost = await this.#options.store.write(prepared);
        if (failures > 0) this.#options.log.info({ failures }, "the store takes data again");
        this.#options.onWritten(false);
        return { content, lost };
      } catch (error) {
        this.#options.counters.failedWrites++;
        this.#options.onWritten(true);
        if (failures === 0) this.#options.log.error({ error }, WRITE_FAILED);
        await delay(RETRY_AFTER_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
        if (this.#stopping.signal.aborted) return undefined;
      }
    }
  }

  /** Moves entries into the batch one after the other. When the store fails in between, the rest is moved later: none counts twice. */
  async #count(entries: Entry[], content: BatchContent): Promise<void> {
    for (let entry = entries[0]; entry !== undefined; entry = entries[0]) {
      // A step may have expired while it waited.
      if ("step" in entry.body) entry.body = this.#expired(entry.body.step) ?? entry.body;
      const { body } = entry;
      if ("step" in body) content.steps.push({ message: body.step, sum: await this.#sums.add(body.step) });
      if ("end" in body) content.ends.push(body.end);
      entries.shift();
    }
  }

  #expired({ run, attempt, split, step }: v1.Step): { refusal: Refusal } | undefined {
    const from = this.#options.store.singleFrom(run, attempt);
    if (split !== v1.Split.TRAIN || step >= from) return undefined;
    const message = `step ${step}: the steps of run ${run}, attempt ${attempt} before ${from} are kept in sums alone, which it can no longer be added to`;
    return { refusal: { reason: v1.Rejection.Reason.EXPIRED, message } };
  }
}

const WRITE_FAILED =
  "the store refuses data (disk full?); nothing more is acknowledged, senders keep their data, trying again until it works";

/** What is left of a batch when some of its runs are another collector's. */
function withoutRuns({ steps, ends, streams }: BatchContent, lost: ReadonlySet<string>): BatchContent {
  return {
    steps: steps.filter(({ message }) => !lost.has(message.run)),
    ends: ends.filter(({ run }) => !lost.has(run)),
    streams: streams.filter(({ run }) => !lost.has(run)),
  };
}

function sizeOf(entries: readonly Entry[]): { messages: number; bytes: number } {
  return { messages: entries.length, bytes: entries.reduce((sum, { bytes }) => sum + bytes + ENTRY_OVERHEAD_BYTES, 0) };
}

function marksOf(entries: Entry[]): StreamMark[] {
  const marks = new Map<Sender, StreamMark>();
  for (const { sender, sequence, body } of entries) {
    const { run, rank, attempt } = sender;
    const mark = marks.get(sender) ?? { run, rank, attempt, sequence, rejected: 0, lastMessageAt: Date.now() };
    const rejected = mark.rejected + ("refusal" in body ? 1 : 0);
    marks.set(sender, { ...mark, sequence, rejected });
  }
  return [...marks.values()];
}

function answer(entries: Entry[]): void {
  const senders = new Set<Sender>();
  for (const { sender, sequence, body } of entries) {
    sender.durable = sequence;
    if ("refusal" in body) sender.reply?.reject(sender, sequence, body.refusal);
    senders.add(sender);
  }
  for (const sender of senders) sender.reply?.acknowledge(sender);
}
