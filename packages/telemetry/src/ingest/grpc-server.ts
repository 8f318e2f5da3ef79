// The gRPC side of the collector: listens, lets in those who may report, and gives every stream to a ReportStream.
import { once } from "node:events";
import { createServer } from "node:net";
import { Server, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { collectorService } from "@moescope/proto";
import type { Tls } from "../access/tls.ts";
import type { Tokens } from "../access/tokens.ts";
import type { CollectorConfig } from "../config.ts";
import type { Health } from "../operations/health.ts";
import type { Refusals } from "../operations/refusals.ts";
import { COLLECTOR_PROTO, PROTO_DIRECTORY } from "../proto-files.ts";
import { refuseSender, serverCredentials } from "./credentials.ts";
import { type IngestContext, type ReportCall, ReportStream } from "./report-stream.ts";

const STOPPING = "the collector is stopping";

const service = {
  report: { ...collectorService.report, requestDeserialize: (bytes: Buffer): Uint8Array => bytes },
};

export interface GrpcServerOptions extends IngestContext {
  tokens: Tokens;
  tls: Tls | undefined;
  health: Health;
  refusals: Refusals;
  limits: CollectorConfig["limits"];
}

export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #server: Server;
  #stopping = false;
  readonly #streams = new Set<ReportStream>();

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#server = new Server({
      "grpc.max_receive_message_length": options.limits.messageBytes,
      "grpc.max_concurrent_streams": options.limits.streamsOfConnection,
      // A peer that vanished without a word is noticed, and its run falls silent.
      "grpc.keepalive_time_ms": 30_000,
      "grpc.keepalive_timeout_ms": 10_000,
    });
    this.#server.addService(service, { report: (call: ReportCall) => this.#receive(call) });
    options.health.addTo(this.#server);
    new ReflectionService(loadSync(COLLECTOR_PROTO, { includeDirs: [PROTO_DIRECTORY] })).addToServer(this.#server);
  }

  /** @returns the port listened on */
  async listen(host: string, port: number): Promise<number> {
    await probe(host, port);
    const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, serverCredentials(this.#options.tls), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
  }

  /** Streams of senders that are open. */
  get streams(): number {
    return this.#streams.size;
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

  #receive(call: ReportCall): void {
    const { tokens, limits } = this.#options;
    const stranger = refuseSender(call.metadata, tokens);
    if (stranger?.reason === "token") this.#refuse(call, status.UNAUTHENTICATED, "token", stranger.message);
    else if (stranger !== undefined) this.#refuse(call, status.PERMISSION_DENIED, "role", stranger.message);
    else if (this.#stopping) refuse(call, status.UNAVAILABLE, STOPPING);
    else if (this.#streams.size >= limits.streams) {
      this.#refuse(call, status.RESOURCE_EXHAUSTED, "streams", `${limits.streams} streams are open already`);
    } else this.#open(call);
  }

  #open(call: ReportCall): void {
    const { helloWithin } = this.#options.limits;
    const stream = new ReportStream(call, this.#options);
    this.#streams.add(stream);
    const impatient = setTimeout(() => {
      this.#options.refusals.add("silent", { peer: call.getPeer() });
      stream.end(status.DEADLINE_EXCEEDED, `the stream has said nothing for ${helloWithin} ms`);
    }, helloWithin);
    call.once("data", () => clearTimeout(impatient));
    call.on("close", () => {
      clearTimeout(impatient);
      this.#streams.delete(stream);
    });
  }

  #refuse(call: ReportCall, code: status, reason: string, details: string): void {
    this.#options.refusals.add(reason, { peer: call.getPeer(), why: details });
    refuse(call, code, details);
  }
}

function refuse(call: ReportCall, code: status, details: string): void {
  call.on("error", () => {}); // told to the sender as the status
  call.emit("error", Object.assign(new Error(details), { code, details }));
}

/** Rejects when the port is taken. The gRPC library would write of it to standard error before it says so. */
async function probe(host: string, port: number): Promise<void> {
  const server = createServer().listen(port, host);
  await once(server, "listening");
  server.close();
  await once(server, "close");
}
