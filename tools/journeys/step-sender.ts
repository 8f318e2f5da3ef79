// One rank of a run that reports to a collector as a trainer does, and remembers when each message was acknowledged.
import { Client, type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { collectorService, PROTOCOL_VERSION, v1 } from "@moescope/proto";
import { withChecksum } from "@moescope/proto/checksum";
import type { StepReport } from "@moescope/trainer";

type Response = v1.ReportResponse.$Properties;

export class StepSender {
  readonly run: string;
  /** When the acknowledgement of each sequence number came, milliseconds since 1970; the first stands at 1. */
  readonly acknowledgedAt: number[] = [0];
  readonly #client: Client;
  readonly #call: ClientDuplexStream<Buffer, Response>;
  readonly #rank: number;
  #sent = 0;
  #waiting: (() => void)[] = [];
  #failure: Error | undefined;

  /** @param address host:port of the collector's gRPC service */
  constructor(address: string, run: v1.RunDescription.$Properties, rank = 0) {
    this.#rank = rank;
    this.run = run.id ?? "";
    this.#client = new Client(address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
    const { path, responseDeserialize } = collectorService.report;
    this.#call = this.#client.makeBidiStreamRequest(path, (bytes: Buffer) => bytes, responseDeserialize);
    this.#call.on("data", (answer: Response) => this.#take(answer));
    this.#call.on("drain", () => this.#wake());
    this.#call.on("error", (error) => this.#fail(error));
    this.#write({ hello: { protocolVersion: PROTOCOL_VERSION, run, rank, attempt: 0, checksums: true } });
  }

  /** Sequence number of the newest message. */
  get sent(): number {
    return this.#sent;
  }

  /** Goes on behind the messages that an earlier stream has sent. */
  resume(sent: number): void {
    this.#sent = sent;
  }

  step(step: StepReport): void {
    this.#sent++;
    this.#write({ step: { ...step, run: this.run, rank: this.#rank, attempt: 0, sequence: this.#sent } });
  }

  /**
   * Sends a message that is encoded already, with the next sequence number in it, and its checksum.
   *
   * @returns false when the stream takes no more for now
   */
  bytes(message: Buffer): boolean {
    this.#sent++;
    return this.#call.write(message);
  }

  /** Waits until the stream takes more; throws what the collector rejects. */
  drained(): Promise<void> {
    return this.#until(() => !this.#call.writableNeedDrain);
  }

  /** Tells that the run is over, and hangs up once that is stored. */
  async finish(endedAt: number): Promise<void> {
    this.#sent++;
    const outcome = v1.RunEnd.Outcome.FINISHED;
    this.#write({ end: { run: this.run, rank: this.#rank, attempt: 0, sequence: this.#sent, outcome, endedAt } });
    await this.acknowledged();
    this.close();
  }

  /** Waits until everything sent so far is durable; throws what the collector rejects. */
  acknowledged(sequence = this.#sent): Promise<void> {
    return this.#until(() => this.acknowledgedAt.length > sequence);
  }

  close(): void {
    this.#call.end();
    this.#client.close();
  }

  #write(request: v1.ReportRequest.$Properties): void {
    this.#call.write(withChecksum(v1.ReportRequest.encode(request).finish()));
  }

  #take({ acknowledgement, rejection }: Response): void {
    if (rejection) this.#fail(new Error(`rejected: ${rejection.message}`));
    const now = Date.now();
    while (this.acknowledgedAt.length <= (acknowledgement?.sequence ?? 0)) this.acknowledgedAt.push(now);
    this.#wake();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }
}
