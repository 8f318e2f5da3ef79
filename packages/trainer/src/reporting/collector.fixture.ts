// A collector for the tests of this folder: a real gRPC server that speaks the protocol, keeps messages in memory, and misbehaves on request.
import { EventEmitter, once } from "node:events";
import { Metadata, Server, ServerCredentials, type ServerDuplexStream, type status } from "@grpc/grpc-js";
import { collectorService, MESSAGE_BYTES_METADATA, v1 } from "@moescope/proto";
import { verified, withChecksum } from "@moescope/proto/checksum";

type Call = ServerDuplexStream<v1.ReportRequest, v1.ReportResponse.$Properties>;

/** Every message has a checksum, as the reporter's Hello says. */
const service = {
  report: {
    ...collectorService.report,
    requestDeserialize: (bytes: Uint8Array) => v1.ReportRequest.decode(verified(bytes)!),
    responseSerialize: (response: v1.ReportResponse.$Properties) =>
      withChecksum(v1.ReportResponse.encode(response).finish()),
  },
};

interface Stream {
  hello: v1.Hello;
  messages: (v1.Step | v1.RunEnd)[];
}

export class CollectorFixture {
  port = 0;
  /** Streams by `run/rank/attempt`: they outlive a restart, as a disk would. */
  readonly streams = new Map<string, Stream>();
  /** What happened, in order. */
  readonly connections: string[] = [];
  duplicates = 0;
  gaps: string[] = [];
  /** Sequence numbers to reject. */
  reject = new Set<number>();
  /** Whether messages are acknowledged as they come. */
  acknowledges = true;
  /** Whether messages are read at all. */
  reads = true;
  /** Ends every stream with this instead of answering the Hello. */
  refusal: { code: status; details: string } | undefined;
  /** Bytes of the largest message that it takes, and whether it says so. */
  messageBytes = 4 * 2 ** 20;
  saysMessageBytes = true;
  /** Answers the Hello as if this many messages were stored already. */
  claims = 0;

  readonly #events = new EventEmitter();
  readonly #calls = new Map<Call, string>();
  /** Streams whose next message may leave a gap: the first after a Hello. */
  readonly #mayLeaveGap = new Set<Call>();
  #server = new Server();

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** On the port of the time before, when there was one. */
  async start(): Promise<this> {
    this.#server = new Server({ "grpc.max_receive_message_length": this.messageBytes });
    this.#server.addService(service, { report: (call: Call) => this.#serve(call) });
    this.port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(this.address, ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
    return this;
  }

  /** At once, as when killed: no stream is ended in good order. */
  stop(): void {
    this.#server.forceShutdown();
    this.#calls.clear();
  }

  /** Acknowledges whatever was stored so far. */
  acknowledgeAll(): void {
    for (const [call, key] of this.#calls) this.#acknowledge(call, key);
  }

  /** Resolves when `holds` does; it is asked again after everything that happens here. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await once(this.#events, "change");
  }

  changed(): void {
    this.#events.emit("change");
  }

  messages(key: string): (v1.Step | v1.RunEnd)[] {
    return this.streams.get(key)?.messages ?? [];
  }

  #serve(call: Call): void {
    call.on("error", () => {});
    if (this.saysMessageBytes && this.refusal === undefined) {
      call.sendMetadata(Metadata.fromHttp2Headers({ [MESSAGE_BYTES_METADATA]: String(this.messageBytes) }));
    }
    call.on("data", (request: v1.ReportRequest) => {
      if (request.hello) this.#welcome(call, request.hello);
      else this.#store(call, this.#calls.get(call)!, request.step ?? request.end!);
      this.changed();
    });
    call.on("end", () => call.end());
  }

  #welcome(call: Call, hello: v1.Hello): void {
    const key = `${hello.run!.id}/${hello.rank}/${hello.attempt}`;
    this.connections.push(key);
    if (this.refusal) {
      call.emit("error", this.refusal);
      return;
    }
    const stream = this.streams.get(key) ?? { hello, messages: [] };
    this.streams.set(key, stream);
    this.#calls.set(call, key);
    this.#mayLeaveGap.add(call);
    this.#acknowledge(call, key, Math.max(this.claims, this.#durable(key)));
    if (!this.reads) call.pause();
  }

  #store(call: Call, key: string, message: v1.Step | v1.RunEnd): void {
    const { messages } = this.streams.get(key)!;
    const durable = this.#durable(key);
    if (message.sequence <= durable) this.duplicates++;
    else if (message.sequence > durable + 1 && !this.#mayLeaveGap.has(call))
      this.gaps.push(`${key}: ${message.sequence} after ${durable}`);
    else messages.push(message);
    this.#mayLeaveGap.delete(call);
    if (this.reject.has(message.sequence)) {
      const [run, rank, attempt] = key.split("/") as [string, string, string];
      const reason = v1.Rejection.Reason.COUNTS_DO_NOT_ADD_UP;
      const text = `message ${message.sequence} does not add up`;
      const { sequence } = message;
      call.write({ rejection: { run, rank: Number(rank), attempt: Number(attempt), sequence, reason, message: text } });
    }
    if (this.acknowledges) this.#acknowledge(call, key);
  }

  #durable(key: string): number {
    return this.messages(key).at(-1)?.sequence ?? 0;
  }

  #acknowledge(call: Call, key: string, sequence = this.#durable(key)): void {
    const [run, rank, attempt] = key.split("/") as [string, string, string];
    call.write({ acknowledgement: { run, rank: Number(rank), attempt: Number(attempt), sequence } });
  }
}
