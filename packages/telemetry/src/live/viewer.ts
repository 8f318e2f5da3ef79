// One viewer of the live stream: what it asked for, and a bounded queue of what it has not read yet.
import { v1 } from "@moescope/proto";

/** Which runs a viewer follows, and for which layers it wants every expert. */
export interface Subscription {
  runs: "all" | ReadonlySet<string>;
  layers: "none" | "all" | readonly number[];
  /** Wants every expert of all layers as well, of the newest step of each run: of those that wait for it, the newest alone has them. */
  newest: boolean;
}

/** A step with every expert of all layers, and what is left of it once a newer one waits behind it. */
export interface FullStep {
  run: string;
  thinned: () => Uint8Array;
}

/** An event that waits, and whether it can be made smaller. */
interface Queued {
  event: Uint8Array;
  full?: FullStep | undefined;
}

export class Viewer {
  readonly subscription: Subscription;
  /** Length-delimited LiveEvents, oldest first. */
  readonly events: ReadableStream<Uint8Array>;
  readonly #maxBytes: number;
  readonly #summaries: () => Uint8Array[];
  #queue: Queued[] = [];
  /** Of each run the full step that waits. */
  readonly #full = new Map<string, Queued>();
  #queuedBytes = 0;
  #dropped = 0;
  #closing = false;
  #lastSentAt = performance.now();
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #wanted: (() => void) | undefined;

  /**
   * @param maxBytes limit of the queue
   * @param summaries events with the present summary of every run it follows; sent first, and again after events were dropped
   * @param closed called when the viewer has gone
   */
  constructor(
    subscription: Subscription,
    maxBytes: number,
    summaries: () => Uint8Array[],
    closed: (v: Viewer) => void,
  ) {
    this.subscription = subscription;
    this.#maxBytes = maxBytes;
    this.#summaries = summaries;
    for (const event of summaries()) this.#push({ event });
    const source = {
      start: (controller: ReadableStreamDefaultController<Uint8Array>) => {
        this.#controller = controller;
      },
      pull: () => this.#pull(),
      cancel: () => closed(this),
    };
    this.events = new ReadableStream(source, { highWaterMark: 0 });
  }

  follows(run: string): boolean {
    return this.subscription.runs === "all" || this.subscription.runs.has(run);
  }

  /** On the clock of `performance.now()`. */
  get lastSentAt(): number {
    return this.#lastSentAt;
  }

  /**
   * @param full where the event is a step with every expert of all layers
   * @returns events that had to be dropped to keep within the limit
   */
  send(event: Uint8Array, full?: FullStep): number {
    this.#lastSentAt = performance.now();
    if (full !== undefined) this.#thinOlder(full.run);
    const lost = this.#queuedBytes + event.length > this.#maxBytes ? this.#queue.length : 0;
    if (lost > 0) {
      // What is queued is the oldest; the viewer fetches it from history once it reads again.
      this.#dropped += lost;
      this.#empty();
    }
    this.#push({ event, full });
    this.#wanted?.();
    return lost;
  }

  /** Ends the stream after what is queued was given to a viewer that reads. */
  close(): void {
    this.#closing = true;
    if (this.#wanted !== undefined) this.#wanted();
    else if (this.#queue.length === 0) this.#controller.close();
  }

  #push(queued: Queued): void {
    this.#queue.push(queued);
    this.#queuedBytes += queued.event.length;
    if (queued.full !== undefined) this.#full.set(queued.full.run, queued);
  }

  #shift(): Uint8Array | undefined {
    const next = this.#queue.shift();
    if (next === undefined) return undefined;
    this.#queuedBytes -= next.event.length;
    if (next.full !== undefined) this.#full.delete(next.full.run);
    return next.event;
  }

  #empty(): Queued[] {
    const all = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#full.clear();
    return all;
  }

  #thinOlder(run: string): void {
    const older = this.#full.get(run);
    if (older === undefined) return;
    const event = older.full!.thinned();
    this.#queuedBytes += event.length - older.event.length;
    older.event = event;
    older.full = undefined;
    this.#full.delete(run);
  }

  async #pull(): Promise<void> {
    if (this.#queue.length === 0 && !this.#closing) {
      await new Promise<void>((resolve) => {
        this.#wanted = resolve;
      });
      this.#wanted = undefined;
    }
    if (this.#dropped > 0) this.#tellDropped();
    const next = this.#shift();
    if (next !== undefined) this.#controller.enqueue(next);
    if (this.#closing && this.#queue.length === 0) this.#controller.close();
  }

  #tellDropped(): void {
    const notice = v1.LiveEvent.encodeDelimited({ dropped: { events: this.#dropped } }).finish();
    this.#dropped = 0;
    const later = this.#empty();
    for (const event of [notice, ...this.#summaries()]) this.#push({ event });
    for (const queued of later) this.#push(queued);
  }
}
