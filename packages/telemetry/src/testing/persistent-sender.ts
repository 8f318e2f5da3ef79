// A rank as a trainer's reporter is one: keeps what is not acknowledged, connects again whenever the stream breaks, goes on from there.
import { Client, type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { collectorService, PROTOCOL_VERSION, v1 } from "@moescope/proto";
import type { Ledger } from "./ledger.ts";
import { randomStep } from "./runs.ts";

export interface PersistentSenderOptions {
  run: v1.RunDescription;
  rank?: number;
  attempt?: number;
  /** The step it begins with. */
  firstStep?: number;
  ledger: Ledger;
  /** Where the collector is; asked before every connection, and waited for. */
  address: () => string | Promise<string>;
  /** Whether it should make another step, or end the run. */
  goesOn: (sender: PersistentSender) => boolean;
  /** Most messages on their way. */
  window?: number;
}

type Stream = ClientDuplexStream<Uint8Array, v1.ReportResponse>;

export class PersistentSender {
  connections = 0;
  acknowledged = 0;
  /** Messages made so far; the last of them ends the run. */
  made = 0;
  readonly #options: Required<PersistentSenderOptions>;
  /** Encoded messages that are not acknowledged. */
  #kept: Uint8Array[] = [];
  #ended = false;
  /** Next message to send on this connection; undefined until the collector has said where to go on. */
  #next: number | undefined;
  #mayWrite = true;

  constructor(options: PersistentSenderOptions) {
    this.#options = { rank: 0, attempt: 0, firstStep: 0, window: 12, ...options };
  }

  /** Resolves when the run has ended and everything is acknowledged. @throws Error when the collector has lost or refused something */
  async run(): Promise<void> {
    while (!this.#ended || this.acknowledged < this.made) await this.#connectOnce(await this.#options.address());
  }

  /** Resolves when the stream has ended, however it did. */
  async #connectOnce(address: string): Promise<void> {
    this.connections++;
    const client = new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
    const { path, responseDeserialize } = collectorService.report;
    const stream: Stream = client.makeBidiStreamRequest(path, (bytes) => Buffer.from(bytes), responseDeserialize);
    this.#next = undefined;
    this.#mayWrite = true;
    try {
      await new Promise<void>((resolve, reject) => {
        stream.on("data", (response: v1.ReportResponse) => {
          try {
            this.#receive(stream, response);
          } catch (error) {
            reject(error);
          }
        });
        stream.on("drain", () => {
          this.#mayWrite = true;
          this.#send(stream);
        });
        stream.on("error", () => {}); // comes again as a status
        stream.on("status", () => resolve());
        const { run, rank, attempt } = this.#options;
        this.#write(stream, { hello: { protocolVersion: PROTOCOL_VERSION, run, rank, attempt } });
      });
    } finally {
      stream.cancel();
      client.close();
    }
  }

  #receive(stream: Stream, { acknowledgement, rejection }: v1.ReportResponse): void {
    if (rejection) throw new Error(`message ${rejection.sequence} was rejected: ${rejection.message}`);
    const { sequence } = acknowledgement!;
    const { run, rank } = this.#options;
    const who = `${run.id}, rank ${rank}`;
    if (sequence < this.acknowledged) {
      throw new Error(`${who}: acknowledged up to ${this.acknowledged} before, now only up to ${sequence}`);
    }
    if (sequence > this.made) throw new Error(`${who}: ${sequence} acknowledged, only ${this.made} were made`);
    this.#kept.splice(0, sequence - this.acknowledged);
    this.acknowledged = sequence;
    this.#next ??= sequence + 1;
    this.#send(stream);
    if (this.#ended && sequence === this.made) stream.end();
  }

  #send(stream: Stream): void {
    while (this.#next !== undefined && this.#mayWrite) {
      if (this.#next > this.made && !this.#make()) return;
      this.#mayWrite = stream.write(this.#kept[this.#next - this.acknowledged - 1]!);
      this.#next++;
    }
  }

  /** @returns false when there is nothing to make just now */
  #make(): boolean {
    const { run, rank, attempt, firstStep, ledger, window, goesOn } = this.#options;
    if (this.#ended || this.made - this.acknowledged >= window) return false;
    const sequence = this.made + 1;
    if (goesOn(this)) {
      const step = randomStep(run, { sequence, rank, attempt, step: firstStep + sequence - 1 });
      ledger.add(run, { step });
      this.#keep({ step });
    } else {
      const outcome = v1.RunEnd.Outcome.FINISHED;
      const end = v1.RunEnd.create({ run: run.id, rank, attempt, sequence, outcome, reason: "", endedAt: 1 });
      ledger.add(run, { end });
      this.#keep({ end });
      this.#ended = true;
    }
    return true;
  }

  #keep(request: v1.ReportRequest.$Properties): void {
    this.#kept.push(v1.ReportRequest.encode(request).finish());
    this.made++;
  }

  #write(stream: Stream, request: v1.ReportRequest.$Properties): void {
    stream.write(v1.ReportRequest.encode(request).finish());
  }
}
