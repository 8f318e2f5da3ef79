// Group commit: gathers messages of all streams for a few milliseconds, stores them as one batch, then acknowledges.
import { setTimeout as delay } from "node:timers/promises";
import type { StepSum } from "@moescope/metrics";
import { v1 } from "@moescope/proto";
import type { Logger } from "pino";
import type { Counters } from "../counters.ts";
import type { FreeSpace } from "../store/engine/free-space.ts";
import type { Runs } from "../store/runs/runs.ts";
import type { LaidOutBatch, PreparedBatch, Store } from "../store/store.ts";
import type { BatchContent, StreamMark } from "../store/writing/rows.ts";
import type { NumberMemory } from "./number-memory.ts";
import { RankSums } from "./rank-sums.ts";
import type { Refusal } from "./refusal.ts";
import type { Sender } from "./senders.ts";

/** The next message of a sender: to be stored, or refused. A refusal is part of the batch, because it too is told only once. */
export interface Entry {
  sender: Sender;
  sequence: number;
  /** Size of the message as it was received. */
  bytes: number;
  body: { step: v1.Step; memory: NumberMemory } | { end: v1.RunEnd } | { refusal: Refusal };
}

/** Messages that are stored together. */
interface Batch {
  entries: Entry[];
  /** Those that are not part of `content` yet. */
  uncounted: Entry[];
  content: BatchContent;
  laidOut: LaidOutBatch | undefined;
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
  #committing: Batch | undefined;
  /** What is stored after that: laid out in the meantime, because the store would wait for it. */
  #ahead: { batch: Batch; bytes: number; laidOut: Promise<unknown> } | undefined;
  /** What the store is writing, with little for this process to do. */
  #writing: PreparedBatch | undefined;
  /** So many wait for the store to be idle: no batch is begun until they have had their turn. */
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
    this.#sums = new RankSums(options.store, options.runs);
  }

  add(entry: Entry): void {
    this.#pending.push(entry);
    this.#pendingBytes += entry.bytes + ENTRY_OVERHEAD_BYTES;
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
    const begun = sizeOf(this.#begun.flat());
    return { messages: this.#pending.length + begun.messages, bytes: this.#pendingBytes + begun.bytes };
  }

  /** Entries of the batches that are on their way. */
  get #begun(): Entry[][] {
    return [this.#committing, this.#ahead?.batch].map((batch) => batch?.entries ?? []);
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
    if (this.#idleWanted === 0) this.#goOn();
  }

  #goOn(): void {
    if (this.#pending.length > 0 && !this.#stopping.signal.aborted) this.#flushInTime();
  }

  async #flush(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#sums.forgetOldest();
    for (let batch: Batch | undefined = this.#takePending(); batch !== undefined; batch = await this.#takeAhead()) {
      const started = performance.now();
      this.#committing = batch;
      this.#resume();
      await this.#commit(batch);
      this.#committing = undefined;
      const { storingShare } = this.#options;
      this.#rest = Math.min(REST_AT_MOST, (performance.now() - started) * (1 / storingShare - 1));
    }
  }

  #takePending(): Batch {
    const entries = this.#pending.filter(({ sender }) => !sender.dismissed);
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#ending = false;
    return { entries, uncounted: [...entries], content: { steps: [], ends: [], streams: [] }, laidOut: undefined };
  }

  #resume(): void {
    if (this.full) return;
    for (const resume of this.#waiting.splice(0)) resume();
  }

  /** Lays out the next batch while the store is busy with one: when there is as much as one should have. */
  #layOutAhead(): void {
    const before = this.#writing;
    if (before === undefined || this.#ahead !== undefined || !this.full) return;
    if (this.#idleWanted > 0 || this.#sums.tooMany) return;
    const batch = this.#takePending();
    // What fails is tried again, and told, when its turn has come.
    const laidOut = this.#layOut(batch, before).catch(() => undefined);
    this.#ahead = { batch, bytes: sizeOf(batch.entries).bytes, laidOut };
  }

  async #takeAhead(): Promise<Batch | undefined> {
    await this.#ahead?.laidOut;
    const batch = this.#ahead?.batch;
    this.#ahead = undefined;
    if (batch === undefined || this.#stopping.signal.aborted) return undefined;
    const lost = new Set(batch.entries.filter(({ sender }) => sender.dismissed).map(({ sender }) => sender.run));
    // It may have been added up after the run had gone.
    for (const run of lost) this.#sums.forgetRun(run);
    return lost.size === 0 ? batch : without(batch, lost);
  }

  async #commit(batch: Batch): Promise<void> {
    const began = performance.now();
    const lost = await this.#storeUntilDone(batch);
    if (lost === undefined) return;
    const { entries, content } = batch;
    if (lost.size > 0) this.#options.onLost(lost);
    const stored = lost.size > 0 ? withoutRuns(content, lost) : content;
    const steps = stored.steps.map(({ message }) => message);
    this.#options.onBatch({ ...sizeOf(entries), steps, milliseconds: performance.now() - began });
    for (const { message, sum } of stored.steps) {
      this.#options.runs.stepStored(sum, message.rank);
      this.#options.onStored(sum);
    }
    for (const end of stored.ends) this.#options.runs.endStored(end);
    for (const mark of stored.streams) this.#options.runs.messagesArrived(mark.run, mark.lastMessageAt, mark.rejected);
    answer(entries.filter(({ sender }) => !lost.has(sender.run)));
    this.#release(entries);
    this.#options.counters.stored += stored.steps.length + stored.ends.length;
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

  // The batch stays as it was first put together: only then is a half-written one recognised when it is written again.
  /** @returns runs that another collector has taken over; undefined when it was given up */
  async #storeUntilDone(batch: Batch): Promise<ReadonlySet<string> | undefined> {
    let prepared: PreparedBatch | undefined;
    for (let failures = 0; ; failures++) {
      try {
        prepared ??= this.#options.store.prepare(await this.#layOut(batch));
        await this.#options.freeSpace.expectEnough();
        const lost = await this.#write(prepared);
        if (failures > 0) this.#options.log.info({ failures }, "the store takes data again");
        this.#options.onWritten(false);
        return lost;
      } catch (error) {
        this.#options.counters.failedWrites++;
        this.#options.onWritten(true);
        if (failures === 0) this.#options.log.error({ error }, WRITE_FAILED);
        await delay(RETRY_AFTER_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
        if (this.#stopping.signal.aborted) return undefined;
      }
    }
  }

  async #write(prepared: PreparedBatch): Promise<ReadonlySet<string>> {
    try {
      return await this.#options.store.write(prepared, () => {
        this.#writing = prepared;
        // Not before the store has been asked.
        setImmediate(() => this.#layOutAhead());
      });
    } finally {
      this.#writing = undefined;
    }
  }

  async #layOut(batch: Batch, before?: PreparedBatch): Promise<LaidOutBatch> {
    if (batch.laidOut === undefined) {
      await this.#count(batch.uncounted, batch.content);
      batch.content.streams = marksOf(batch.entries);
      batch.laidOut = this.#options.store.layOut(batch.content, before);
    }
    return batch.laidOut;
  }

  /** Moves entries into the batch one after the other. When the store fails in between, the rest is moved later: none counts twice. */
  async #count(entries: Entry[], content: BatchContent): Promise<void> {
    for (let entry = entries[0]; entry !== undefined; entry = entries[0]) {
      // A step may have expired while it waited.
      if ("step" in entry.body) entry.body = this.#expired(entry.body.step) ?? entry.body;
      const { body } = entry;
      if ("step" in body) content.steps.push({ message: body.step, sum: await this.#sums.add(body.step, body.memory) });
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

/** What is left of a batch that waited when some of its runs have become another collector's. */
function without({ entries, uncounted, content }: Batch, lost: ReadonlySet<string>): Batch {
  const left = ({ sender }: Entry) => !lost.has(sender.run);
  const rest = { entries: entries.filter(left), uncounted: uncounted.filter(left) };
  return { ...rest, content: withoutRuns(content, lost), laidOut: undefined };
}

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
