// The collector's numbers for Prometheus. No series for an expert, a layer or a run: those are what the store is for.
import { statfs } from "node:fs/promises";
import { v1 } from "@moescope/proto";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Counters } from "../counters.ts";

/** Where the numbers are read that nothing tells of. */
export interface Sources {
  /** Read when they are asked for. */
  now: () => {
    unstored: { messages: number; bytes: number };
    streams: number;
    viewers: number;
    /** 1 while runs are taken in. */
    serving: boolean;
    states: Iterable<v1.RunSummary.State>;
  };
  /** Bytes of the store on its disk. */
  storeBytes: () => Promise<number>;
  dataDirectory: string;
}

/** What is measured of a batch. */
export interface MeasuredBatch {
  messages: number;
  bytes: number;
  steps: readonly v1.Step[];
  milliseconds: number;
}

export class PrometheusMetrics {
  readonly #registry = new Registry();
  readonly #steps: Counter;
  readonly #counts: Counter;
  readonly #bytes: Counter;
  readonly #insert: Histogram;
  readonly #batch: Histogram;
  readonly #lag: Histogram;

  constructor(counters: Readonly<Counters>) {
    const registers = [this.#registry];
    const counter = (name: string, help: string) => new Counter({ name, help, registers });
    const histogram = (name: string, help: string, buckets: number[]) =>
      new Histogram({ name, help, buckets, registers });
    this.#steps = counter("moescope_steps_stored_total", "Steps of single ranks stored and acknowledged.");
    this.#counts = counter("moescope_counts_stored_total", "Counts of experts stored and acknowledged.");
    this.#bytes = counter("moescope_bytes_stored_total", "Bytes of messages, as received, stored and acknowledged.");
    this.#insert = histogram("moescope_insert_seconds", "Time to write a batch, failed tries included.", SECONDS);
    this.#batch = histogram("moescope_batch_messages", "Messages in a batch.", [1, 4, 16, 64, 256, 1024, 4096]);
    this.#lag = histogram(
      "moescope_lag_seconds",
      "From a step's own time to when it is durable; needs clocks that agree.",
      SECONDS,
    );
    this.#addCounters(counters);
    collectDefaultMetrics({ register: this.#registry });
  }

  batchStored({ messages, bytes, steps, milliseconds }: MeasuredBatch): void {
    const now = Date.now();
    this.#steps.inc(steps.length);
    this.#bytes.inc(bytes);
    this.#insert.observe(milliseconds / 1000);
    this.#batch.observe(messages);
    let counts = 0;
    for (const { time, histograms } of steps) {
      this.#lag.observe((now - time) / 1000);
      for (const { categories } of histograms) for (const category of categories) counts += category.counts.length;
    }
    this.#counts.inc(counts);
  }

  async write(): Promise<{ contentType: string; text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  /** Counters that the collector keeps itself, copied when they are asked for. */
  #addCounters(counters: Readonly<Counters>): void {
    for (const [name, [read, help]] of Object.entries(COUNTED)) {
      const registers = [this.#registry];
      new Counter({
        ...{ name: `moescope_${name}_total`, help, registers },
        collect() {
          this.reset();
          this.inc(read(counters));
        },
      });
    }
    for (const [name, [read, help]] of Object.entries(COUNTED_BY_REASON)) {
      const registers = [this.#registry];
      new Counter({
        ...{ name: `moescope_${name}_total`, help, labelNames: ["reason"], registers },
        collect() {
          this.reset();
          for (const [reason, count] of Object.entries(read(counters))) this.inc({ reason }, count);
        },
      });
    }
  }

  /** Adds numbers that are read each time they are asked for. */
  addGauges({ now, storeBytes, dataDirectory }: Sources): void {
    const gauge = (name: string, help: string, read: () => number | Promise<number>) => {
      const registers = [this.#registry];
      new Gauge({
        ...{ name: `moescope_${name}`, help, registers },
        async collect() {
          this.set(await read());
        },
      });
    };
    gauge("serving", "1 while runs are taken in; 0 while stopping, or while the store refuses data.", () =>
      Number(now().serving),
    );
    gauge("unstored_messages", "Messages received and not stored yet.", () => now().unstored.messages);
    gauge("unstored_bytes", "Bytes of messages received and not stored yet.", () => now().unstored.bytes);
    gauge("streams", "Open streams of senders.", () => now().streams);
    gauge("viewers", "Viewers of the live stream.", () => now().viewers);
    // Numbers are most wanted when the store is in trouble.
    const storeBytesIfKnown = () => storeBytes().catch(() => Number.NaN);
    gauge("store_bytes", "Bytes of the store on its disk; NaN while it does not answer.", storeBytesIfKnown);
    gauge("disk_free_bytes", "Bytes free on the disk of the data directory.", async () => {
      const { bavail, bsize } = await statfs(dataDirectory);
      return bavail * bsize;
    });
    const registers = [this.#registry];
    new Gauge({
      ...{ name: "moescope_runs", help: "Stored runs, by state.", labelNames: ["state"], registers },
      collect() {
        this.reset();
        for (const state of now().states) this.inc({ state: v1.RunSummary.State[state]!.toLowerCase() });
      },
    });
  }
}

const SECONDS = [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const COUNTED: Record<string, [read: (counters: Readonly<Counters>) => number, help: string]> = {
  messages_stored: [({ stored }) => stored, "Messages stored and acknowledged: steps and ends of runs."],
  messages_duplicate: [({ duplicates }) => duplicates, "Messages that had been received before, dropped."],
  messages_damaged: [({ damaged }) => damaged, "Messages damaged on the way, which their senders send again."],
  scalars_dropped: [
    ({ droppedScalars }) => droppedScalars,
    "Scalars left out of steps because their runs have too many names of scalars.",
  ],
  stream_gaps: [({ gaps }) => gaps, "Streams that went on later than where the store ends."],
  sender_waits: [({ waits }) => waits, "Times that a sender was made to wait because too much was not stored yet."],
  writes_failed: [({ failedWrites }) => failedWrites, "Times that writing a batch failed; it is tried again."],
  viewer_events_dropped: [
    ({ droppedEvents }) => droppedEvents,
    "Live events that viewers did not get because they read too slowly.",
  ],
  alerts: [({ alerts }) => alerts, "Alerts that fired."],
  alerts_undelivered: [({ undeliveredAlerts }) => undeliveredAlerts, "Alerts that the webhook did not get."],
  alerts_suppressed: [({ suppressedAlerts }) => suppressedAlerts, "Alerts not raised because the run has too many."],
};

const COUNTED_BY_REASON: Record<
  string,
  [read: (counters: Readonly<Counters>) => Record<string, number>, help: string]
> = {
  messages_rejected: [({ rejected }) => rejected, "Messages refused, by reason."],
  streams_refused: [({ refusedStreams }) => refusedStreams, "Streams of senders turned away, by reason."],
  requests_refused: [({ refusedRequests }) => refusedRequests, "HTTP requests and connections turned away, by reason."],
};
