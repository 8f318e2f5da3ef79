// One rank of a run on its way into a collector: over gRPC like a trainer's, but it waits where a trainer would spool.
import { once } from "node:events";
import { Client, type ClientDuplexStream, type StatusObject } from "@grpc/grpc-js";
import { collectorService, PROTOCOL_VERSION, type v1 } from "@moescope/proto";
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

export class RunStream {
  readonly #address: string;
  readonly #client: Client;
  readonly #stream: ClientDuplexStream<v1.ReportRequest.$Properties, v1.ReportResponse>;
  #sent = 0;
  #acknowledged = -1;
  #rejection: v1.Rejection | undefined;
  #ended: StatusObject | undefined;
  #wake = () => {};

  constructor({ address, access }: Target) {
    this.#address = address;
    this.#client = new Client(address, channelCredentials(access), { "grpc.enable_http_proxy": 0 });
    const { path, requestSerialize, responseDeserialize } = collectorService.report;
    this.#stream = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      callMetadata(access),
    );
    this.#stream.on("data", (response: v1.ReportResponse) => this.#receive(response));
    this.#stream.on("error", () => {}); // comes again as a status
    this.#stream.on("status", (status: StatusObject) => {
      this.#ended = status;
      this.#wake();
    });
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
    await this.#write({ hello: { protocolVersion: PROTOCOL_VERSION, ...introduction, rank, attempt } });
    await this.#until(() => this.#acknowledged >= 0);
    this.#sent = this.#acknowledged;
    return this.#acknowledged;
  }

  /** Waits while the collector is busy. @throws Failure when the collector has refused a message, or is away */
  async send(sequence: number, message: Message): Promise<void> {
    this.#sent = sequence;
    await this.#write(
      "step" in message ? { step: { ...message.step, sequence } } : { end: { ...message.end, sequence } },
    );
  }

  /** Resolves when all that was sent is stored. @throws Failure like `send` */
  async settle(): Promise<void> {
    await this.#until(() => this.#acknowledged >= this.#sent || this.#sent === 0);
  }

  close(): void {
    this.#stream.end();
    this.#client.close();
  }

  async #write(request: v1.ReportRequest.$Properties): Promise<void> {
    this.#refuseTrouble();
    if (this.#stream.write(request)) return;
    await Promise.race([once(this.#stream, "drain"), once(this.#stream, "status")]);
    this.#refuseTrouble();
  }

  #receive({ acknowledgement, rejection }: v1.ReportResponse): void {
    if (acknowledgement) this.#acknowledged = Math.max(this.#acknowledged, acknowledgement.sequence);
    if (rejection) this.#rejection ??= rejection as v1.Rejection;
    this.#wake();
  }

  async #until(condition: () => boolean): Promise<void> {
    for (;;) {
      this.#refuseTrouble();
      if (condition()) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #refuseTrouble(): void {
    if (this.#rejection)
      throw new Failure(`The collector refuses message ${this.#rejection.sequence}: ${this.#rejection.message}`);
    if (this.#ended) throw new Failure(`The collector at ${this.#address} ended the stream: ${this.#ended.details}`);
  }
}
