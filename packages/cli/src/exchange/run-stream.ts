// One rank of a run on its way into a collector: over gRPC like a trainer's, but it waits where a trainer would spool.
import { once } from "node:events";
import { Client, type ClientDuplexStream, Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { collectorService, PROTOCOL_VERSION, v1 } from "@moescope/proto";
import { verified, withChecksum } from "@moescope/proto/checksum";
import { type CollectorAccess, callMetadata, channelCredentials } from "@moescope/trainer";
import { Failure } from "../failure.ts";

type Message = { step: v1.Step.$Properties } | { end: v1.RunEnd.$Properties };

/** Where a collector is, and what it asks for. */
export interface Target {
  /** host:port of its gRPC side. */
  address: string;
  access: CollectorAccess;
}

/** What a collector is told of a run before its messages. */
export interface Introduction {
  run: v1.RunDescription;
  /** What people had written on it. */
  annotation?: v1.Annotation.$Properties;
}

/** How a stream ends when a message, or the length before it, was damaged on the way. */
const OF_DAMAGE: ReadonlySet<status> = new Set([status.DATA_LOSS, status.RESOURCE_EXHAUSTED, status.INTERNAL]);

/** Connections that may break one after the other by damage on the way, without an acknowledgement in between. */
const MOST_DAMAGED = 20;

/** Milliseconds without an answer that is due, after which it is asked for again: the length of a message may have been damaged. */
const ANSWERS_WITHIN = 30_000;

export class RunStream {
  readonly #target: Target;
  #client!: Client;
  #stream!: ClientDuplexStream<Uint8Array, Uint8Array>;
  /** What every connection begins with. */
  #hello: Uint8Array | undefined;
  /** Messages sent since that are not acknowledged: over a connection that was damaged they are sent again. */
  #kept: { sequence: number; bytes: Uint8Array }[] = [];
  #sent = 0;
  #acknowledged = -1;
  #damaged = 0;
  /** The connection replaces one that was damaged: all that is kept is sent once its Hello is answered. */
  #sendsAgain = false;
  #rejection: v1.Rejection | undefined;
  #ended: StatusObject | undefined;
  #wake = () => {};

  constructor(target: Target) {
    this.#target = target;
    this.#connect();
  }

  /**
   * Introduces the run; may be said again, and then lets the next message leave a gap.
   *
   * @returns highest sequence number that the collector holds; 0 when it holds nothing
   * @throws Failure when the collector refuses the run, or is away
   */
  async hello(introduction: Introduction, rank: number, attempt: number): Promise<number> {
    await this.settle();
    this.#acknowledged = -1;
    const hello = { protocolVersion: PROTOCOL_VERSION, ...introduction, rank, attempt, checksums: true };
    this.#hello = encoded({ hello });
    await this.#write(this.#hello);
    await this.#until(() => this.#acknowledged >= 0);
    this.#sent = this.#acknowledged;
    return this.#acknowledged;
  }

  /** Waits while the collector is busy. @throws Failure when the collector has refused a message, or is away */
  async send(sequence: number, message: Message): Promise<void> {
    this.#sent = sequence;
    const bytes = encoded(
      "step" in message ? { step: { ...message.step, sequence } } : { end: { ...message.end, sequence } },
    );
    this.#kept.push({ sequence, bytes });
    if (this.#sendsAgain) await this.#until(() => !this.#sendsAgain);
    else await this.#write(bytes);
  }

  /** Resolves when all that was sent is stored. @throws Failure like `send` */
  async settle(): Promise<void> {
    await this.#until(() => this.#acknowledged >= this.#sent || this.#sent === 0);
  }

  close(): void {
    this.#stream.end();
    this.#client.close();
  }

  #connect(): void {
    const { address, access } = this.#target;
    this.#client = new Client(address, channelCredentials(access), { "grpc.enable_http_proxy": 0 });
    const asTheyAre = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { path } = collectorService.report;
    const stream = this.#client.makeBidiStreamRequest(path, asTheyAre, asTheyAre, callMetadata(access));
    this.#stream = stream;
    stream.on("data", (bytes: Uint8Array) => stream === this.#stream && this.#receive(bytes));
    stream.on("error", () => {}); // comes again as a status
    stream.on("status", (ended: StatusObject) => stream === this.#stream && this.#end(ended));
  }

  #end(ended: StatusObject): void {
    if (OF_DAMAGE.has(ended.code) && this.#hello !== undefined && this.#damaged < MOST_DAMAGED) {
      this.#damaged++;
      this.#connectAgain(this.#hello);
    } else {
      this.#ended = ended;
      this.#wake();
    }
  }

  #connectAgain(hello: Uint8Array): void {
    const [stream, client] = [this.#stream, this.#client];
    this.#sendsAgain = true;
    this.#connect();
    this.#stream.write(hello);
    stream.cancel();
    client.close();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#refuseTrouble();
    const stream = this.#stream;
    if (stream.write(bytes)) return;
    const waiting = new AbortController();
    const { signal } = waiting;
    await Promise.race([once(stream, "drain", { signal }), once(stream, "status", { signal })]);
    waiting.abort(); // or each wait would leave a listener behind
    this.#refuseTrouble();
  }

  #receive(bytes: Uint8Array): void {
    const response = verified(bytes);
    if (response === undefined) {
      this.#end({ code: status.DATA_LOSS, details: "an answer was damaged on the way", metadata: new Metadata() });
      return;
    }
    const { acknowledgement, rejection } = v1.ReportResponse.decode(response);
    if (acknowledgement) this.#acknowledge(acknowledgement.sequence!);
    if (rejection) this.#rejection ??= rejection as v1.Rejection;
    this.#wake();
  }

  #acknowledge(sequence: number): void {
    if (sequence > this.#acknowledged) this.#damaged = 0;
    this.#acknowledged = Math.max(this.#acknowledged, sequence);
    while (this.#kept.length > 0 && this.#kept[0]!.sequence <= sequence) this.#kept.shift();
    if (!this.#sendsAgain) return;
    this.#sendsAgain = false;
    for (const { bytes } of this.#kept) this.#stream.write(bytes);
  }

  async #until(condition: () => boolean): Promise<void> {
    for (;;) {
      this.#refuseTrouble();
      if (condition()) return;
      const unanswered = setTimeout(() => this.#hello && this.#connectAgain(this.#hello), ANSWERS_WITHIN);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      clearTimeout(unanswered);
    }
  }

  #refuseTrouble(): void {
    if (this.#rejection)
      throw new Failure(`The collector refuses message ${this.#rejection.sequence}: ${this.#rejection.message}`);
    if (this.#ended)
      throw new Failure(`The collector at ${this.#target.address} ended the stream: ${this.#ended.details}`);
  }
}

function encoded(request: v1.ReportRequest.$Properties): Uint8Array {
  return withChecksum(v1.ReportRequest.encode(request).finish());
}
