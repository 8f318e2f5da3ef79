// The gRPC side of the collector: listens, and gives every stream to a ReportStream.
import { once } from "node:events";
import { createServer } from "node:net";
import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import { collectorService } from "@moescope/proto";
import { type IngestContext, type ReportCall, ReportStream } from "./report-stream.ts";

/** Largest message taken; a step of 58 layers × 256 experts × 3 categories with all its arrays has half a megabyte. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

const STOPPING = "the collector is stopping";

const service = {
  report: { ...collectorService.report, requestDeserialize: (bytes: Buffer): Uint8Array => bytes },
};

export class GrpcServer {
  readonly #server: Server;
  #stopping = false;
  readonly #streams = new Set<ReportStream>();

  constructor(context: IngestContext) {
    this.#server = new Server({
      "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
      // A peer that vanished without a word is noticed, and its run falls silent.
      "grpc.keepalive_time_ms": 30_000,
      "grpc.keepalive_timeout_ms": 10_000,
    });
    this.#server.addService(service, {
      report: (call: ReportCall) => {
        const stream = new ReportStream(call, context);
        this.#streams.add(stream);
        if (this.#stopping) stream.end(status.UNAVAILABLE, STOPPING);
        call.on("close", () => this.#streams.delete(stream));
      },
    });
  }

  /** @returns the port listened on */
  async listen(host: string, port: number): Promise<number> {
    await probe(host, port);
    const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
  }

  /** Takes in no more messages: open streams are paused, new ones refused. */
  stopReading(): void {
    this.#stopping = true;
    for (const stream of this.#streams) stream.stopReading();
  }

  /** Ends every stream; what a sender has no acknowledgement for, it keeps. */
  async stop(): Promise<void> {
    for (const stream of this.#streams) stream.end(status.UNAVAILABLE, STOPPING);
    await new Promise<void>((resolve) => {
      // Clients that do not close their side are cut off.
      const timer = setTimeout(() => this.#server.forceShutdown(), 500);
      this.#server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** Rejects when the port is taken. The gRPC library would write of it to standard error before it says so. */
async function probe(host: string, port: number): Promise<void> {
  const server = createServer().listen(port, host);
  await once(server, "listening");
  server.close();
  await once(server, "close");
}
