// One viewer of the live stream: what it asked for, and a bounded queue of what it has not read yet.
import { v1 } from "@moescope/proto";

/** Which runs a viewer follows, and for which layers it wants every expert. */
export interface Subscription {
  runs: "all" | ReadonlySet<string>;
  layers: "none" | "all" | readonly number[];
}

export class Viewer {
  readonly subscription: Subscription;
  /** Length-delimited LiveEvents, oldest first. */
  readonly events: ReadableStream<Uint8Array>;
  readonly #maxBytes: number;
  readonly #summaries: () => Uint8Array[];
  #queue: Uint8Array[] = [];
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
    for (const event of summaries()) this.#push(event);
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

  /** @returns events that had to be dropped to keep within the limit */
  send(event: Uint8Array): number {
    this.#lastSentAt = performance.now();
    const lost = this.#queuedBytes + event.length > this.#maxBytes ? this.#queue.length : 0;
    if (lost > 0) {
      // What is queued is the oldest; the viewer fetches it from history once it reads again.
      this.#dropped += lost;
      this.#queue = [];
      this.#queuedBytes = 0;
    }
    this.#push(event);
    this.#wanted?.();
    return lost;
  }

  /** Ends the stream after what is queued was given to a viewer that reads. */
  close(): void {
    this.#closing = true;
    if (this.#wanted !== undefined) this.#wanted();
    else if (this.#queue.length === 0) this.#controller.close();
  }

  #push(event: Uint8Array): void {
    this.#queue.push(event);
    this.#queuedBytes += event.length;
  }

  async #pull(): Promise<void> {
    if (this.#queue.length === 0 && !this.#closing) {
      await new Promise<void>((resolve) => {
        this.#wanted = resolve;
      });
      this.#wanted = undefined;
    }
    if (this.#dropped > 0) this.#tellDropped();
    const next = this.#queue.shift();
    if (next !== undefined) {
      this.#queuedBytes -= next.length;
      this.#controller.enqueue(next);
    }
    if (this.#closing && this.#queue.length === 0) this.#controller.close();
  }

  #tellDropped(): void {
    const notice = v1.LiveEvent.encodeDelimited({ dropped: { events: this.#dropped } }).finish();
    this.#dropped = 0;
    const later = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const event of [notice, ...this.#summaries(), ...later]) this.#push(event);
  }
}
