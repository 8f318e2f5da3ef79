// Brings the messages of one spool to the collector, in order, each until it is acknowledged, over as many connections as it takes.
import { v1 } from "@moescope/proto";
import type { IBackoff } from "cockatiel";
import { backOff } from "./back-off.ts";
import { CollectorConnection, type CollectorTarget } from "./collector-connection.ts";
import type { ReporterState } from "./reporter.ts";
import type { Spool } from "./spool.ts";
import { type Ended, isExhausted, isPermanent, reasonOf } from "./stream-end.ts";

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

/**
 * Streams in a row that something exhausted after the collector had taken them in, without one acknowledgement. Messages that are larger
 * than the collector says are never sent, so this is a collector that does not say, or a proxy before it: it will take no more next time.
 */
const mostExhausted = 8;

export class Delivery {
  state: Extract<ReporterState, "connecting" | "connected" | "away" | "refused" | "closed"> = "connecting";
  /** Messages handed to a connection, those sent again included. */
  sent = 0;
  rejected = 0;
  firstRejection: string | undefined;
  /** The collector holds messages under the same run, rank and attempt that are not of this spool. */
  conflict = false;

  readonly #options: DeliveryOptions;
  /** Whether messages have checksums, which those in a spool of an earlier version do not. */
  readonly #checksums: boolean;
  #connection: CollectorConnection | undefined;
  /** Sequence number to send next; undefined until the collector has answered the Hello. */
  #next: number | undefined;
  #mayWrite = true;
  /** Highest sequence number handed to any connection. */
  #highestSent = 0;
  /** The wait before the last try; undefined since an acknowledgement. */
  #wait: IBackoff<unknown> | undefined;
  #exhausted = 0;
  #retry: NodeJS.Timeout | undefined;
  /** Highest sequence number that the collector has said it holds: not that of a message it was never sent. */
  #held: number;
  /** The next message is too large, and waits until all before it are acknowledged. */
  #leavesOut = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#checksums = v1.ReportRequest.decode(options.opening).hello?.checksums ?? false;
    this.#held = options.spool.acknowledged;
    this.#connect();
  }

  /** Sends what was added to the spool, as far as the connection takes it. */
  wake(): void {
    const { spool } = this.#options;
    while (this.#connection && this.#next !== undefined && this.#mayWrite && this.#next <= spool.last) {
      const message = this.#read(this.#next);
      if (!message) return;
      if (message.length > this.#connection.messageBytes) {
        this.#leaveOut(this.#next, message.length);
        return;
      }
      this.#mayWrite = this.#connection.write(message);
      this.#highestSent = Math.max(this.#highestSent, this.#next);
      this.#next++;
      this.sent++;
    }
  }

  /** Goes on behind a message that the collector never takes. After a Hello the next sequence number may be any. */
  #leaveOut(sequence: number, bytes: number): void {
    const { spool, opening } = this.#options;
    this.#leavesOut = spool.acknowledged < sequence - 1;
    if (this.#leavesOut) return;
    this.#countRejection(sequence, `it has ${bytes} bytes, and the collector takes ${this.#connection!.messageBytes}`);
    spool.acknowledge(sequence);
    this.#next = undefined;
    this.#mayWrite = this.#connection!.write(opening);
    this.#options.changed();
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
    this.#leavesOut = false;
    this.#connection = new CollectorConnection(this.#options.target, this.#checksums, {
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
    if (durable < this.#held) {
      notice(
        `The collector at ${address} no longer has messages ${durable + 1} to ${this.#held}, which it had acknowledged`,
      );
    }
    this.#held = durable;
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
    this.#held = Math.max(this.#held, sequence);
    if (spool.acknowledged > before) this.#exhausted = 0;
    if (spool.acknowledged > before || spool.acknowledged === spool.last) this.#wait = undefined;
    if (this.#leavesOut) this.wake();
    changed();
  }

  #reject({ sequence, message }: v1.Rejection): void {
    // Before it has answered the Hello, it is the Hello that the collector rejects.
    if (this.#next === undefined) {
      this.#refuse(message);
      return;
    }
    this.#countRejection(sequence, message);
    this.#options.changed();
  }

  #countRejection(sequence: number, reason: string): void {
    this.rejected++;
    if (this.firstRejection !== undefined) return;
    this.firstRejection = reason;
    this.#options.notice(`The collector rejects message ${sequence}: ${reason}; later rejections are only counted`);
  }

  #lose(ended: Ended): void {
    const { target, notice, opening } = this.#options;
    const { messageBytes } = this.#connection!;
    this.#connection = undefined;
    if (this.state === "closed") return;
    this.#exhausted = isExhausted(ended) && this.#next !== undefined ? this.#exhausted + 1 : 0;
    if (opening.length > messageBytes) {
      this.#refuse(`its description has ${opening.length} bytes, and the collector takes ${messageBytes}`);
      return;
    }
    if (isPermanent(ended) || this.#exhausted === mostExhausted) {
      this.#refuse(ended.details);
      return;
    }
    if (this.state !== "away") {
      notice(`The collector at ${target.address} is away (${reasonOf(ended)}); steps wait until it is back`);
    }
    this.#wait = (this.#wait ?? backOff).next(undefined);
    this.#retry = setTimeout(() => this.#connect(), this.#wait.duration);
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
