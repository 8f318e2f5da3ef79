// One gRPC stream of one rank: greets, checks each message, hands it to the batch, and makes the sender wait when there is no room.
import { type ServerDuplexStream, status } from "@grpc/grpc-js";
import { LIMITS, OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION, v1 } from "@moescope/proto";
import { endsLikeChecksum, hasChecksum, verified, withChecksum } from "@moescope/proto/checksum";
import type { Logger } from "pino";
import type { Counters } from "../counters.ts";
import { StoreError } from "../store/engine/store-error.ts";
import type { Runs } from "../store/runs/runs.ts";
import { asStored } from "../store/writing/gates.ts";
import type { Batcher } from "./batch.ts";
import { decoded } from "./decode.ts";
import type { Entry } from "./entry.ts";
import type { Introductions } from "./introductions.ts";
import type { NumberPool } from "./number-memory.ts";
import { asSent, brokenBy, checkWholes, LARGEST_WHOLE, type Refusal } from "./refusal.ts";
import type { Reply, Sender, Senders } from "./senders.ts";
import { checkEnd, checkStep } from "./validate.ts";

/** What all streams share. */
export interface IngestContext {
  runs: Runs;
  introductions: Introductions;
  senders: Senders;
  batcher: Batcher;
  numbers: NumberPool;
  counters: Counters;
  log: Logger;
}

/** Requests arrive undecoded, so that bytes that are no message are refused like any other bad message; responses leave encoded. */
export type ReportCall = ServerDuplexStream<Uint8Array, Uint8Array>;

type Hold = "greeting" | "no room" | "answers unread" | "stopping";
type Numbered = Pick<v1.Step, "run" | "rank" | "attempt" | "sequence">;

export class ReportStream implements Reply {
  readonly #call: ReportCall;
  readonly #context: IngestContext;
  #sender: Sender | undefined;
  /** Why the run of the last Hello is not taken; every message of it is refused for that. */
  #refusedRun: Refusal | undefined;
  /**
   * What the sender had sent before its last Hello, which is answered once that is stored. A second program that reports as the same
   * rank would take a lower answer for its own, and messages of the first for its own first ones.
   */
  #earlier = 0;
  /** The first message after a Hello may leave a gap: its sender has nothing earlier any more. */
  #mayLeaveGap = false;
  /** Every message must have a checksum, as the Hello said. */
  #checksums = false;
  /** Why no more messages are read just now. */
  readonly #holds = new Set<Hold>();
  readonly #reasonsLogged = new Set<v1.Rejection.Reason>();
  /** The message that was asked for while something held it. */
  #readLater: (() => void) | undefined;
  /** The sender has closed its side, and waits for its last acknowledgements. */
  #senderDone = false;
  #closed = false;

  constructor(call: ReportCall, context: IngestContext) {
    this.#call = call;
    this.#context = context;
    this.#readOnlyWhileFree();
    call.on("data", (bytes: Uint8Array) => this.#receive(bytes));
    call.on("end", () => {
      this.#senderDone = true;
      this.#endWhenDone();
    });
    call.on("error", (error) => this.#context.log.debug({ error }, "stream failed"));
    call.on("close", () => this.#close());
    call.on("cancelled", () => this.#close());
    call.on("drain", () => {
      this.#release("answers unread");
      if (this.#sender !== undefined) this.acknowledge(this.#sender);
    });
  }

  acknowledge({ run, rank, attempt, durable }: Sender): void {
    // The newest acknowledgement says it all; a sender that does not read gets that one when it reads again.
    if (durable < this.#earlier || this.#holds.has("answers unread")) return;
    this.#answer({ acknowledgement: { run, rank, attempt, sequence: durable } });
    this.#endWhenDone();
  }

  reject({ run, rank, attempt }: Pick<Sender, "run" | "rank" | "attempt">, sequence: number, refusal: Refusal): void {
    const { counters, log } = this.#context;
    const reason = v1.Rejection.Reason[refusal.reason]!;
    counters.rejected[reason] = (counters.rejected[reason] ?? 0) + 1;
    // A sender that is wrong once is wrong again; all are counted.
    const level = this.#reasonsLogged.has(refusal.reason) ? "debug" : "warn";
    this.#reasonsLogged.add(refusal.reason);
    log[level]({ run, rank, attempt, sequence, reason }, `message rejected: ${refusal.message}`);
    this.#answer({ rejection: { run, rank, attempt, sequence, ...asSent(refusal) } });
  }

  /** Reads no more messages; what is being stored is still acknowledged. */
  stopReading(): void {
    this.#hold("stopping");
  }

  replaced(): void {
    this.end(status.ABORTED, "the same rank has opened another stream");
  }

  dismissed(): void {
    this.end(status.UNAVAILABLE, "another collector has taken the run over");
  }

  /** Ends the stream for a reason that is not the sender's doing; what is not acknowledged is to be sent again. */
  end(code: status, details: string): void {
    if (this.#closed) return;
    this.#call.emit("error", Object.assign(new Error(details), { code, details }));
    this.#close();
  }

  /** A fault of this program ends no more than the stream; its sender comes back, and sends again what was not acknowledged. */
  #receive(bytes: Uint8Array): void {
    if (this.#closed) return;
    try {
      this.#read(bytes);
    } catch (error) {
      const { run, rank, attempt } = this.#sender ?? {};
      this.#context.log.error({ error, run, rank, attempt }, "a stream fails over a message");
      this.end(status.INTERNAL, "the collector fails over a message, by a fault of its own; its log has more");
    }
  }

  #read(bytes: Uint8Array): void {
    const message = this.#checksums || hasChecksum(bytes) ? verified(bytes) : bytes;
    if (message === undefined) {
      this.#endDamaged();
      return;
    }
    const memory = this.#context.numbers.memory(message.length);
    const request = decoded(message, memory);
    if (request instanceof Error) this.#refuseBytes(bytes, request);
    else if (request.hello) this.#greet(request.hello, message !== bytes);
    else if (request.step) this.#take(request.step, bytes.length, { step: request.step, memory });
    else if (request.end) this.#take(request.end, bytes.length, { end: request.end });
    else this.#refuseBytes(bytes, new Error("neither a Hello, nor a Step, nor a RunEnd"));
  }

  /** Damage is the network's doing: nothing is rejected, because the sender still has the message. */
  #endDamaged(): void {
    const { counters, log } = this.#context;
    const { run, rank, attempt } = this.#sender ?? {};
    counters.damaged++;
    log.warn({ run, rank, attempt }, "a message was damaged on the way; its sender sends it again");
    this.end(status.DATA_LOSS, "a message was damaged on the way; send again what is not acknowledged");
  }

  /** @param verified whether it had a checksum, which was right */
  #greet(hello: v1.Hello, verified: boolean): void {
    if (hello.checksums && !verified) {
      this.#endDamaged();
      return;
    }
    this.#checksums ||= hello.checksums;
    if (hello.protocolVersion < OLDEST_PROTOCOL_VERSION || hello.protocolVersion > PROTOCOL_VERSION) {
      const spoken = `the sender speaks protocol version ${hello.protocolVersion}, this collector versions ${OLDEST_PROTOCOL_VERSION} to ${PROTOCOL_VERSION}`;
      this.end(status.FAILED_PRECONDITION, `${spoken}; install the same moescope on both sides`);
      return;
    }
    this.#hold("greeting");
    this.#context.introductions.introduce(hello).then(
      (refusal) => this.#greeted(hello, refusal),
      (error) => {
        if (this.#closed) return; // its sender says Hello again, here or elsewhere
        const ofStore = error instanceof StoreError;
        const why = ofStore ? `the store refuses data: ${error.message}` : "the collector fails over a Hello";
        this.#context.log.error({ error, run: hello.run?.id }, why);
        this.end(ofStore ? status.UNAVAILABLE : status.INTERNAL, why);
      },
    );
  }

  #greeted({ run, rank, attempt }: v1.Hello, refusal: Refusal | undefined): void {
    if (this.#closed) return;
    this.#leave();
    this.#refusedRun = refusal;
    const id = run?.id ?? "";
    if (refusal === undefined) {
      this.#sender = this.#context.senders.connect(id, rank, attempt, this);
      this.#mayLeaveGap = true;
      this.#context.runs.streamOpened(id);
      this.#context.log.info({ run: id, rank, attempt, durable: this.#sender.durable }, "sender connected");
      this.#earlier = this.#sender.received;
      this.acknowledge(this.#sender);
    } else {
      this.reject({ run: id, rank, attempt }, 0, refusal);
    }
    this.#release("greeting");
  }

  #take(message: Numbered, bytes: number, body: Exclude<Entry["body"], { refusal: Refusal }>): void {
    const sender = this.#sender;
    const { sequence } = message;
    const misplaced = this.#refusedRun ?? checkWholes("message:", { sequence }) ?? this.#misplaced(message);
    if (sender === undefined || misplaced !== undefined) {
      this.#refuseOutOfSequence(message, misplaced!);
      return;
    }
    if (!this.#isNext(sender, message)) return;
    this.#mayLeaveGap = false;
    const run = this.#context.runs.description(sender.run)!;
    this.#add(sender, sequence, bytes, this.#checked(message, body, run));
  }

  /** @returns the body as it is stored, or why it is not taken */
  #checked(
    message: Numbered,
    body: Exclude<Entry["body"], { refusal: Refusal }>,
    run: v1.RunDescription,
  ): Entry["body"] {
    try {
      const refusal = "step" in body ? checkStep(body.step, run) : checkEnd(body.end);
      if (refusal !== undefined) return { refusal };
      if ("step" in body) this.#boundScalars(body.step);
      if ("step" in body) asStored(body.step);
      return body;
    } catch (error) {
      const { rank, attempt, sequence } = message;
      this.#context.log.error(
        { error, run: run.id, rank, attempt, sequence },
        "a message cannot be checked; it is refused",
      );
      return { refusal: brokenBy(error) };
    }
  }

  #boundScalars(step: v1.Step): void {
    const { counters, log, senders } = this.#context;
    const bounded = senders.scalarNames(step.run)?.bound(step);
    if (bounded === undefined) return;
    counters.droppedScalars += bounded.leftOut;
    if (!bounded.first) return;
    const { run, rank, attempt, sequence } = step;
    const most = `a run may have ${LIMITS.scalarNames.most} names of scalars`;
    log.warn({ run, rank, attempt, sequence }, `${most}; scalars of this one with any other name are left out`);
  }

  #misplaced({ run, rank, attempt }: Numbered): Refusal | undefined {
    const sender = this.#sender;
    if (sender === undefined || sender.run !== run) {
      const said = sender === undefined ? "no Hello came before" : `the Hello named run ${JSON.stringify(sender.run)}`;
      return { reason: v1.Rejection.Reason.UNKNOWN_RUN, message: `run ${JSON.stringify(run)}: ${said}` };
    }
    if (sender.rank === rank && sender.attempt === attempt) return undefined;
    const message = `rank ${rank}, attempt ${attempt} on the stream of rank ${sender.rank}, attempt ${sender.attempt}`;
    return { reason: v1.Rejection.Reason.MALFORMED, message };
  }

  #isNext(sender: Sender, message: Numbered): boolean {
    const expected = sender.received + 1;
    const { sequence, run, rank, attempt } = message;
    if (sequence === expected) return true;
    if (sequence > expected && this.#mayLeaveGap) {
      this.#context.counters.gaps++;
      this.#context.log.warn(
        { run, rank, attempt, expected, sequence },
        "the sender goes on later than the store ends",
      );
      return true;
    }
    if (sequence < 1 || sequence > expected) {
      const message = `sequence ${sequence}, expected ${expected}`;
      this.#refuseOutOfSequence(
        { run, rank, attempt, sequence },
        { reason: v1.Rejection.Reason.OUT_OF_ORDER, message },
      );
      return false;
    }
    this.#context.counters.duplicates++;
    if (sequence <= sender.durable) this.acknowledge(sender);
    return false;
  }

  #refuseBytes(bytes: Uint8Array, error: Error): void {
    const message = `${bytes.length} bytes that are no ReportRequest: ${error.message}`;
    const refusal = { reason: v1.Rejection.Reason.MALFORMED, message };
    // Whether its Hello says `checksums` is not known yet.
    if (this.#sender === undefined && endsLikeChecksum(bytes)) this.#endDamaged();
    // Messages come in order, so the unreadable one is the next.
    else if (this.#sender !== undefined) this.#add(this.#sender, this.#sender.received + 1, bytes.length, { refusal });
    else this.#refuseOutOfSequence({ run: "", rank: 0, attempt: 0, sequence: 0 }, refusal);
  }

  /** Refuses a message that has no place in the sender's sequence, and so is not remembered. */
  #refuseOutOfSequence(message: Numbered, refusal: Refusal): void {
    // A number that was rounded is not repeated.
    this.reject(message, message.sequence <= LARGEST_WHOLE ? message.sequence : 0, refusal);
    this.#context.runs.messagesArrived(message.run, Date.now(), 1);
  }

  #add(sender: Sender, sequence: number, bytes: number, body: Entry["body"]): void {
    const { batcher, counters } = this.#context;
    sender.received = sequence;
    batcher.add({ sender, sequence, bytes, body });
    if (!batcher.full) return;
    counters.waits++;
    this.#hold("no room");
    batcher.whenRoom(() => this.#release("no room"));
  }

  #answer(response: v1.ReportResponse.$Properties): void {
    if (this.#closed) return;
    const bytes = v1.ReportResponse.encode(response).finish();
    if (!this.#call.write(this.#checksums ? withChecksum(bytes) : bytes)) this.#hold("answers unread");
  }

  /** A paused stream would read sixteen messages ahead, of half a megabyte each; this one leaves them to the sender. */
  #readOnlyWhileFree(): void {
    const read = this.#call._read.bind(this.#call);
    this.#call._read = (size) => {
      if (this.#holds.size === 0) read(size);
      else this.#readLater = () => read(size);
    };
  }

  #hold(reason: Hold): void {
    this.#holds.add(reason);
    this.#call.pause();
  }

  #release(reason: Hold): void {
    this.#holds.delete(reason);
    if (this.#holds.size > 0) return;
    this.#call.resume();
    this.#readLater?.();
    this.#readLater = undefined;
  }

  #endWhenDone(): void {
    if (!this.#senderDone || this.#closed) return;
    if (this.#sender === undefined || this.#sender.durable === this.#sender.received) this.#call.end();
  }

  #leave(): void {
    if (this.#sender === undefined) return;
    const { run, rank, attempt, durable } = this.#sender;
    this.#context.log.info({ run, rank, attempt, durable }, "sender gone");
    this.#context.runs.streamClosed(run);
    if (this.#sender.reply === this) this.#sender.reply = undefined;
    this.#sender = undefined;
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#leave();
  }
}
