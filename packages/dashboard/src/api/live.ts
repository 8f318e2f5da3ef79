// The live stream: one long answer, read until it is aborted, connected again with back-off when it breaks.
import { v1 } from "@moescope/proto";
import { ExponentialBackoff, fullJitterGenerator, type IBackoff } from "cockatiel";
import { type Fetch, type LayerChoice, layerParameter, PROTOBUF, refuseErrors } from "./client.ts";
import { DelimitedDecoder } from "./delimited.ts";

/** `attempt` counts the failed tries since the stream was last open. */
export type Connection =
  | { state: "connecting"; attempt: number }
  | { state: "open" }
  | { state: "waiting"; attempt: number; error: Error; retryAt: number };

export interface LiveOptions {
  runs: "all" | readonly string[];
  /** Layers whose counts every step carries; default `none`. */
  layers?: LayerChoice;
  /** Whether the newest step carries the counts of all layers; of steps that wait for this program, that alone does. Default: no. */
  newest?: boolean;
  /** How the request is sent; default `fetch`. */
  fetch?: Fetch;
  /** Ends the stream; `followLive` then resolves. */
  signal: AbortSignal;
  onEvent(event: v1.LiveEvent): void;
  /** Each `open` after the first means that events may be missing: fetch what history has. */
  onConnection?(connection: Connection): void;
  /** A stream without even a heartbeat for this long counts as broken; milliseconds, default 20,000. */
  silence?: number;
  /** The longest that the first wait before a new try may be, doubled from try to try, and that any may be; milliseconds, default 500 and 8,000. */
  backOff?: { first: number; longest: number };
}

/**
 * Follows the live stream of a collector until `signal` aborts. Breaks are not errors: it reports them and connects again.
 *
 * @param base address of the collector
 */
export async function followLive(base: string, options: LiveOptions): Promise<void> {
  const { signal, onConnection = () => {}, backOff = { first: 500, longest: 8000 } } = options;
  const { first: initialDelay, longest: maxDelay } = backOff;
  const firstWait = new ExponentialBackoff({ generator: fullJitterGenerator, initialDelay, maxDelay });
  let wait: IBackoff<unknown> | undefined;
  for (let attempt = 0; !signal.aborted; attempt++) {
    onConnection({ state: "connecting", attempt });
    const opened = () => {
      attempt = 0;
      wait = undefined;
      onConnection({ state: "open" });
    };
    const error = await readUntilBroken(base, options, opened);
    if (signal.aborted) return;
    wait = (wait ?? firstWait).next(undefined);
    onConnection({ state: "waiting", attempt, error, retryAt: Date.now() + wait.duration });
    await delay(wait.duration, signal);
  }
}

async function readUntilBroken(base: string, options: LiveOptions, opened: () => void): Promise<Error> {
  const watchdog = new Watchdog(options.silence ?? 20_000);
  const signal = AbortSignal.any([options.signal, watchdog.signal]);
  try {
    const send = options.fetch ?? fetch;
    const response = await send(base.replace(/\/+$/, "") + livePath(options), {
      headers: { accept: PROTOBUF },
      signal,
    });
    await refuseErrors(response);
    opened();
    await readEvents(response.body!, options.onEvent, () => watchdog.pat());
    return new Error("the collector closed the live stream");
  } catch (error) {
    return watchdog.signal.aborted ? (watchdog.signal.reason as Error) : toError(error);
  } finally {
    watchdog.stop();
  }
}

async function readEvents(body: ReadableStream<Uint8Array>, onEvent: LiveOptions["onEvent"], alive: () => void) {
  const decoder = new DelimitedDecoder();
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    for (const message of decoder.push(value)) onEvent(v1.LiveEvent.decode(message));
  }
}

function livePath({ runs, layers = "none", newest = false }: LiveOptions): string {
  const parameters = new URLSearchParams({
    runs: runs === "all" ? "all" : runs.join(","),
    layers: layerParameter(layers),
    ...(newest && { newest: "all" }),
  });
  return `/api/v1/live?${parameters}`;
}

/** Aborts its signal when nobody patted it for `patience` milliseconds. */
class Watchdog {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  constructor(readonly patience: number) {
    this.pat();
  }
  get signal(): AbortSignal {
    return this.#controller.signal;
  }
  pat(): void {
    clearTimeout(this.#timer);
    const error = new Error(`nothing came over the live stream for ${this.patience / 1000} s, not even a heartbeat`);
    this.#timer = setTimeout(() => this.#controller.abort(error), this.patience);
  }
  stop(): void {
    clearTimeout(this.#timer);
  }
}

function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}

function toError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
