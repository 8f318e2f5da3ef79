// Reports to a collector from a thread of its own. The training thread only encodes a step and posts it.
import { Worker } from "node:worker_threads";
import { PROTOCOL_VERSION, v1 } from "@moescope/proto";
import { withChecksum } from "@moescope/proto/checksum";
import type { CollectorAccess } from "./collector-access.ts";
import { Counters } from "./counters.ts";
import type { Reporter, ReporterState, ReporterStatistics, StepReport } from "./reporter.ts";
import { defaultSpoolLimits, type SpoolLimits } from "./spool.ts";
import type { ReportingMessage, ThreadSetup, TrainingMessage } from "./thread-messages.ts";

export interface CollectorReporterOptions {
  /** host:port of the collector's gRPC side. */
  address: string;
  /** A collector without tokens and TLS when absent. */
  access?: CollectorAccess;
  run: v1.RunDescription.$Properties & { id: string };
  /** Which of the run's processes this is; 0 when absent. */
  rank?: number;
  /** Stretch of the run between (re)starts; 0 when absent. Must be one that no earlier process reported under. */
  attempt?: number;
  /** Where messages wait until they are acknowledged. Several reporters may share it. */
  spoolDirectory: string;
  /** A collector that answers nothing for so long, not even a ping, is taken for gone, and connected to anew; 30,000 when absent. */
  vanishedAfterMilliseconds?: number;
  /** How long `end` waits for the last acknowledgement; 5000 when absent. */
  flushMilliseconds?: number;
  /** Told in one line what a person should know: the collector went away, came back, rejects, refuses; the disk is full. */
  notice: (line: string) => void;
  limits?: SpoolLimits;
}

/** Bytes on their way to the reporting thread, beyond which steps are dropped: only a disk that hangs for minutes fills it. */
const postedBytesAtMost = 64 * 2 ** 20;

/** What the thread may take to end by itself once it has said that it has, and how much longer than its deadline it may take to say so. */
const graceMilliseconds = { afterEnd: 1000, beyondDeadline: 10_000 };

/**
 * Owns nothing but the way to the reporting thread: an encoded message belongs to that thread as soon as it is posted, then to its
 * spool, until the collector has acknowledged it.
 */
export class CollectorReporter implements Reporter {
  readonly #counters = new Counters();
  readonly #identity: { run: string; rank: number; attempt: number };
  readonly #notice: (line: string) => void;
  readonly #flushMilliseconds: number;
  readonly #worker: Worker;
  readonly #stopped: Promise<void>;
  #failed = false;
  #lastResort: NodeJS.Timeout | undefined;
  #ended: Promise<ReporterStatistics> | undefined;
  #firstRejection: string | undefined;
  #spool: string | undefined;

  constructor(options: CollectorReporterOptions) {
    const { address, access = {}, run, rank = 0, attempt = 0, spoolDirectory, limits = defaultSpoolLimits } = options;
    this.#identity = { run: run.id, rank, attempt };
    this.#notice = options.notice;
    this.#flushMilliseconds = options.flushMilliseconds ?? 5000;
    const hello = { protocolVersion: PROTOCOL_VERSION, run, rank, attempt, checksums: true };
    const opening = withChecksum(v1.ReportRequest.encode({ hello }).finish());
    const label = `${run.id}.${rank}.${attempt}`;
    const counters = this.#counters.memory;
    const target = { address, access, vanishedAfterMilliseconds: options.vanishedAfterMilliseconds ?? 30_000 };
    const setup: ThreadSetup = { target, opening, spoolDirectory, label, limits, counters };
    // Always the built file, from the sources under test too: Node 20 does not run TypeScript. Flags of the training process, such
    // as --input-type, may not fit a thread.
    const script = new URL("../../dist/reporting/collector-worker.js", import.meta.url);
    this.#worker = new Worker(script, { workerData: setup, execArgv: [] });
    this.#worker.on("message", (message: ReportingMessage) => this.#receive(message));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#stopped = new Promise((resolve) => this.#worker.once("exit", () => resolve()));
    // A trainer that never calls `end` may exit; the spool keeps what was not acknowledged.
    this.#worker.unref();
  }

  step(report: StepReport): void {
    const step = { ...report, ...this.#identity };
    this.#post("step", () => v1.Step.encode(step).finish());
  }

  end(outcome: v1.RunEnd.Outcome, reason = ""): Promise<ReporterStatistics> {
    this.#ended ??= this.#end({ ...this.#identity, outcome, reason, endedAt: Date.now() });
    return this.#ended;
  }

  statistics(): ReporterStatistics {
    const counters = this.#counters;
    const [messages, acknowledged] = [counters.get("messages"), counters.get("acknowledged")];
    return {
      state: this.#state(),
      messages,
      sent: counters.get("sent"),
      acknowledged,
      queued: messages - acknowledged,
      spooledBytes: counters.get("spooledBytes"),
      rejected: counters.get("rejected"),
      dropped: counters.get("dropped"),
      ...(this.#firstRejection !== undefined && { firstRejection: this.#firstRejection }),
      ...(this.#spool !== undefined && { spool: this.#spool }),
    };
  }

  #state(): ReporterState {
    return this.#failed ? "failed" : this.#counters.state;
  }

  #post(kind: TrainingMessage["kind"], encode: () => Uint8Array): void {
    try {
      const body = ownBytes(encode());
      const inFlight = this.#counters.get("postedBytes") - this.#counters.get("takenBytes");
      if (this.#failed || this.#ended || inFlight + body.length > postedBytesAtMost) {
        this.#drop();
        return;
      }
      this.#counters.add("postedBytes", body.length);
      this.#worker.postMessage({ kind, body, deadlineMilliseconds: this.#flushMilliseconds }, [body.buffer]);
    } catch (error) {
      this.#drop(error as Error);
    }
  }

  #drop(error?: Error): void {
    if (error && this.#counters.get("dropped") === 0)
      this.#notice(`A step could not be encoded and is dropped: ${error.message}`);
    this.#counters.add("dropped", 1);
  }

  /** Called once, before `#ended` is set, so that the last message is still posted. */
  async #end(end: v1.RunEnd.$Properties): Promise<ReporterStatistics> {
    if (!this.#failed) this.#worker.ref();
    this.#post("end", () => v1.RunEnd.encode(end).finish());
    this.#terminateAfter(this.#flushMilliseconds + graceMilliseconds.beyondDeadline);
    await this.#stopped;
    clearTimeout(this.#lastResort);
    return this.statistics();
  }

  #receive(message: ReportingMessage): void {
    if (message.kind === "notice") this.#notice(message.line);
    else if (message.kind === "rejected") this.#firstRejection = message.reason;
    else {
      this.#spool = message.spool;
      this.#terminateAfter(graceMilliseconds.afterEnd);
    }
  }

  /** For a thread that hangs, on a disk for example, or a collector that does not end the stream. */
  #terminateAfter(milliseconds: number): void {
    clearTimeout(this.#lastResort);
    this.#lastResort = setTimeout(() => void this.#worker.terminate(), milliseconds);
  }

  #fail(error: Error): void {
    this.#failed = true;
    this.#notice(`Reporting has broken down, training goes on: ${error.message}`);
  }
}

/** Small encodings lie in a pool that several share, and a pool cannot be given to another thread. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const alone = bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
  return alone ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}
