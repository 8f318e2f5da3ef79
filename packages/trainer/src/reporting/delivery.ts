// Brings the messages of one spool to the collector, in order, each until it is acknowledged, over as many connections as it takes.
import { status } from "@grpc/grpc-js";
import type { v1 } from "@moescope/proto";
import { backOff } from "./back-off.ts";
import { CollectorConnection, type CollectorTarget, type Ended } from "./collector-connection.ts";
import type { ReporterState } from "./reporter.ts";
import type { Spool } from "./spool.ts";

export interface DeliveryOptions {
  target: CollectorTarget;
  /** The Hello as an encoded ReportRequest. */
  opening: Uint8Array;
  spool: Spool;
  /** The spool was left behind: no message will be added, and the collector may hold more than lies there. */
  abandoned: boolean;
  /** Told in one line when the collector goes away, comes back, rejects or refuses. */
  notice: (line: string) => void;
  /** Called after every change of state, numbers or spool. */
  changed: () => void;
}

/** Statuses that trying again cannot change. */
const permanent: ReadonlySet<status> = new Set([
  status.FAILED_PRECONDITION,
  status.INVALID_ARGUMENT,
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
  status.UNIMPLEMENTED,
]);

/** A message is larger than the collector takes, and will be at the next try. Other ends with this status are of a busy collector. */
function isTooLarge({ code, details }: Ended): boolean {
  return code === status.RESOURCE_EXHAUSTED && details.includes("larger than max");
}

export class Delivery {
  state: Extract<ReporterState, "connecting" | "connected" | "away" | "refused" | "closed"> = "connecting";
  /** Messages handed to a connection, those sent again included. */
  sent = 0;
  rejected = 0;
  firstRejection: string | undefined;
  /** The collector holds messages under the same run, rank and attempt that are not of this spool. */
  conflict = false;

  readonly #options: DeliveryOptions;
  #connection: CollectorConnection | undefined;
  /** Sequence number to send next; undefined until the collector has answered the Hello. */
  #next: number | undefined;
  #mayWrite = true;
  /** Highest sequence number handed to any connection. */
  #highestSent = 0;
  /** Tries since the last that brought an acknowledgement. */
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#connect();
  }

  /** Sends what was added to the spool, as far as the connection takes it. */
  wake(): void {
    const { spool } = this.#options;
    while (this.#connection && this.#next !== undefined && this.#mayWrite && this.#next <= spool.last) {
      const message = this.#read(this.#next);
      if (!message) return;
      this.#mayWrite = this.#connection.write(message);
      this.#highestSent = Math.max(this.#highestSent, this.#next);
      this.#next++;
      this.sent++;
    }
  }

  /** Ends the stream in good order; to be called when everything is acknowledged. */
  finish(): void {
    this.#connection?.finish();
    this.#setState("closed");
  }

  /** Gives up at once. */
  cancel(): void {
    clearTimeout(this.#retry);
    this.#connection?.cancel();
    this.#connection = undefined;
    this.#setState("closed");
  }

  #connect(): void {
    this.#next = undefined;
    this.#mayWrite = true;
    this.#connection = new CollectorConnection(this.#options.target, {
      responded: (response) => this.#receive(response),
      drained: () => {
        this.#mayWrite = true;
        this.wake();
        this.#options.changed();
      },
      closed: (ended) => this.#lose(ended),
    });
    this.#connection.write(this.#options.opening);
  }

  #receive({ acknowledgement, rejection }: v1.ReportResponse): void {
    if (this.state === "closed") return;
    if (rejection) this.#reject(rejection);
    else if (acknowledgement && this.#next === undefined) this.#begin(acknowledgement.sequence);
    else if (acknowledgement) this.#acknowledge(Math.min(acknowledgement.sequence, this.#next! - 1));
  }

  /** @param durable sequence number up to which the collector holds the stream, as it answered the Hello */
  #begin(durable: number): void {
    const { spool, abandoned, notice } = this.#options;
    const { address } = this.#options.target;
    if (durable > this.#highestSent && !abandoned) {
      this.conflict = true;
      this.#refuse(
        `it already holds ${durable} messages of this run, rank and attempt from another process; start the run as a new attempt`,
      );
      return;
    }
    if (durable < spool.acknowledged) {
      notice(
        `The collector at ${address} no longer has messages ${durable + 1} to ${spool.acknowledged}, which it had acknowledged`,
      );
    }
    if (this.state === "away") notice(`The collector at ${address} is back; ${spool.last - durable} messages to send`);
    this.#setState("connected");
    this.#acknowledge(durable);
    this.#next = spool.acknowledged + 1;
    this.wake();
  }

  #acknowledge(sequence: number): void {
    const { spool, changed } = this.#options;
    const before = spool.acknowledged;
    spool.acknowledge(sequence);
    if (spool.acknowledged > before || spool.acknowledged === spool.last) this.#failures = 0;
    changed();
  }

  #reject({ sequence, message }: v1.Rejection): void {
    // Before it has answered the Hello, it is the Hello that the collector rejects.
    if (this.#next === undefined) {
      this.#refuse(message);
      return;
    }
    this.rejected++;
    if (this.firstRejection === undefined) {
      this.firstRejection = message;
      this.#options.notice(`The collector rejects message ${sequence}: ${message}; later rejections are only counted`);
    }
    this.#options.changed();
  }

  #lose({ code, details }: Ended): void {
    this.#connection = undefined;
    if (this.state === "closed") return;
    if (permanent.has(code) || isTooLarge({ code, details })) {
      this.#refuse(details);
      return;
    }
    if (this.state !== "away") {
      const { target, notice } = this.#options;
      notice(`The collector at ${target.address} is away (${reasonIn(details)}); steps wait until it is back`);
    }
    this.#failures++;
    this.#retry = setTimeout(() => this.#connect(), backOff(this.#failures));
    this.#setState("away");
  }

  #refuse(reason: string): void {
    this.#giveUp(`The collector at ${this.#options.target.address} refuses this run: ${reason}`);
  }

  #giveUp(why: string): void {
    const { notice, spool } = this.#options;
    this.#connection?.cancel();
    this.#connection = undefined;
    notice(`${why}. ${spool.last - spool.acknowledged} messages stay in ${spool.folder ?? "memory"}`);
    this.#setState("refused");
  }

  #read(sequence: number): Uint8Array | undefined {
    try {
      return this.#options.spool.read(sequence);
    } catch (error) {
      this.#giveUp(`The rest of this run cannot be sent: ${(error as Error).message}`);
      return undefined;
    }
  }

  #setState(state: Delivery["state"]): void {
    this.state = state;
    this.#options.changed();
  }
}

/** The part of a gRPC status that a person can use: it wraps the system's error in words about its own state. */
function reasonIn(details: string): string {
  return (
    /Last error: (?:Error: )?(.+?)\.?(?: Resolution note:.*)?$/s.exec(details)?.[1] ??
    (details || "it ended the stream")
  );
}
