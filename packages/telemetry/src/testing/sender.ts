// A gRPC client that reports to a collector in tests and remembers every answer.
import { Client, type ClientDuplexStream, credentials, Metadata, type StatusObject } from "@grpc/grpc-js";
import { collectorService, PROTOCOL_VERSION, v1 } from "@moescope/proto";

type Response = v1.ReportResponse.$Properties;

/** What a sender shows of itself. PEM. */
export interface SenderAccess {
  token?: string;
  /** With it the sender speaks TLS. */
  ca?: string;
  cert?: string;
  key?: string;
}

export class TestSender {
  readonly answers: Response[] = [];
  /** How the stream ended. */
  readonly status: Promise<StatusObject>;
  readonly #client: Client;
  readonly #call: ClientDuplexStream<Uint8Array, Response>;
  #waiting: (() => void)[] = [];

  constructor(address: string, access: SenderAccess = {}) {
    this.#client = new Client(address, channelCredentials(access), {
      "grpc.use_local_subchannel_pool": 1,
      // The library would name the address, which Node 26 refuses; certificates of tests are good for this name too.
      "grpc.ssl_target_name_override": "localhost",
    });
    const { path, responseDeserialize } = collectorService.report;
    this.#call = this.#client.makeBidiStreamRequest(
      path,
      (bytes: Uint8Array) => Buffer.from(bytes),
      responseDeserialize,
      metadataOf(access),
    );
    this.#call.on("data", (answer: Response) => {
      this.answers.push(answer);
      this.#wake();
    });
    this.#call.on("error", () => this.#wake());
    this.status = new Promise((resolve) => {
      this.#call.on("status", resolve);
    });
  }

  /** Says Hello and waits for the answer. */
  static async connect(
    address: string,
    run: v1.RunDescription,
    rank = 0,
    attempt = 0,
    access: SenderAccess = {},
  ): Promise<TestSender> {
    const sender = new TestSender(address, access);
    sender.send({ hello: { protocolVersion: PROTOCOL_VERSION, run, rank, attempt } });
    await sender.until(() => sender.answers.length > 0);
    return sender;
  }

  send(request: v1.ReportRequest.$Properties): void {
    this.sendBytes(v1.ReportRequest.encode(request).finish());
  }

  sendBytes(bytes: Uint8Array): void {
    this.#call.write(bytes);
  }

  /** @returns false when the stream takes no more for now */
  offer(request: v1.ReportRequest.$Properties): boolean {
    return this.#call.write(v1.ReportRequest.encode(request).finish());
  }

  async drained(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#call.once("drain", resolve);
    });
  }

  /** Highest sequence number acknowledged; −1 when none was. */
  get acknowledged(): number {
    return Math.max(-1, ...this.answers.map((answer) => answer.acknowledgement?.sequence ?? -1));
  }

  get rejections(): v1.Rejection.$Properties[] {
    return this.answers.flatMap((answer) => (answer.rejection ? [answer.rejection] : []));
  }

  async untilAcknowledged(sequence: number): Promise<void> {
    await this.until(() => this.acknowledged >= sequence);
  }

  async untilRejected(count = 1): Promise<v1.Rejection.$Properties> {
    await this.until(() => this.rejections.length >= count);
    return this.rejections.at(-1)!;
  }

  /** Waits until an answer makes the condition true; fails when the stream ends before. */
  async until(condition: () => boolean): Promise<void> {
    let ended: StatusObject | undefined;
    this.status.then((status) => {
      ended = status;
      this.#wake();
    });
    while (!condition()) {
      if (ended !== undefined) throw new Error(`the stream ended: ${ended.code} ${ended.details}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  close(): void {
    this.#call.end();
    this.#client.close();
  }

  /** Breaks the connection without a word. */
  cut(): void {
    this.#call.cancel();
    this.#client.close();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function channelCredentials({ ca, cert, key }: SenderAccess) {
  if (ca === undefined) return credentials.createInsecure();
  const [certificate, privateKey] = [cert, key].map((pem) => (pem === undefined ? null : Buffer.from(pem)));
  return credentials.createSsl(Buffer.from(ca), privateKey, certificate);
}

function metadataOf({ token }: SenderAccess): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("authorization", `Bearer ${token}`);
  return metadata;
}
