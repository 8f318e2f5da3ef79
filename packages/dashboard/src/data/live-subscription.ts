// What is asked of the live stream, which changes with what is on screen: the old stream goes on until the new one is open.
import type { v1 } from "@moescope/proto";
import { type Connection, followLive } from "../api/live.ts";

export interface Wanted {
  runs: readonly string[];
  /** Layers whose counts every step carries. */
  layers: readonly number[];
  /** Whether the newest step carries those of all layers. */
  newest: boolean;
}

export interface SubscriptionHandlers {
  /** @param wanted what the stream that brought it was asked for */
  onEvent(event: v1.LiveEvent, wanted: Wanted): void;
  /** @param missed on an open stream: whether events may have been missed since there was one before */
  onConnection(connection: Connection | { state: "idle" }, missed: boolean): void;
}

interface Stream {
  key: string;
  abort: AbortController;
  /** Was open once. */
  opened: boolean;
}

export class LiveSubscription {
  readonly #base: string;
  readonly #handlers: SubscriptionHandlers;
  #current: Stream | undefined;
  /** Takes over once it is open. */
  #next: Stream | undefined;

  /** @param base address of the collector */
  constructor(base: string, handlers: SubscriptionHandlers) {
    this.#base = base;
    this.#handlers = handlers;
  }

  /** Cheap when nothing changes. Without runs the stream ends. */
  want(wanted: Wanted): void {
    const key = JSON.stringify(wanted);
    if (key === (this.#next ?? this.#current)?.key) return;
    this.#next?.abort.abort();
    this.#next = undefined;
    if (wanted.runs.length === 0) this.#end();
    else if (key !== this.#current?.key) this.#open(key, wanted);
  }

  #end(): void {
    this.#current?.abort.abort();
    this.#current = undefined;
    this.#handlers.onConnection({ state: "idle" }, false);
  }

  #open(key: string, wanted: Wanted): void {
    const abort = new AbortController();
    const stream: Stream = { key, abort, opened: false };
    if (this.#current === undefined) this.#current = stream;
    else this.#next = stream;
    void followLive(this.#base, {
      runs: wanted.runs,
      layers: wanted.layers,
      newest: wanted.newest,
      signal: abort.signal,
      onEvent: (event) => !abort.signal.aborted && this.#handlers.onEvent(event, wanted),
      onConnection: (connection) => !abort.signal.aborted && this.#connected(stream, connection),
    });
  }

  #connected(stream: Stream, connection: Connection): void {
    if (stream === this.#next && connection.state !== "connecting") {
      this.#current?.abort.abort();
      this.#current = stream;
      this.#next = undefined;
      // It could not be opened: from here on there is none.
      if (connection.state === "waiting") stream.opened = true;
    }
    if (stream !== this.#current) return;
    this.#handlers.onConnection(connection, stream.opened);
    if (connection.state === "open") stream.opened = true;
  }
}
