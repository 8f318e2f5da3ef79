// The gRPC side of the collector: listens, lets in those who may report, and gives every stream to a ReportStream.
import { Metadata, Server, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { ReflectionService } from "@grpc/reflection";
import { collectorService, MESSAGE_BYTES_METADATA } from "@moescope/proto";
import type { Tls } from "../access/tls.ts";
import type { Tokens } from "../access/tokens.ts";
import type { CollectorConfig } from "../config.ts";
import type { Health } from "../operations/health.ts";
import type { Refusals } from "../operations/refusals.ts";
import { COLLECTOR_PROTO, PROTO_DIRECTORY } from "../proto-files.ts";
import { refuseSender, serverCredentials } from "./credentials.ts";
import { Listener } from "./listener.ts";
import { type IngestContext, type ReportCall, ReportStream } from "./report-stream.ts";

const STOPPING = "the collector is stopping";
/** Milliseconds that a connection without a stream may stay; a sender has one for as long as it lives. */
const IDLE_AT_MOST = 300_000;
/** Milliseconds for clients to close their side when the server stops. */
const CLOSE_WITHIN = 500;

const service = {
  report: {
    ...collectorService.report,
    requestDeserialize: (bytes: Buffer): Uint8Array => bytes,
    responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  },
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
  readonly #listener: Listener;
  #stopping = false;
  readonly #streams = new Set<ReportStream>();

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#server = new Server({
      "grpc.max_receive_message_length": options.limits.messageBytes,
      "grpc.max_concurrent_streams": options.limits.streamsOfConnection,
      // A peer that vanished without a word is noticed, and its run falls silent.
      // The longer part is for the answer: on a slow line it waits behind the messages that are on their way.
      "grpc.keepalive_time_ms": options.limits.vanishedAfter / 3,
      "grpc.keepalive_timeout_ms": (options.limits.vanishedAfter * 2) / 3,
      "grpc.max_connection_idle_ms": IDLE_AT_MOST,
    });
    this.#server.addService(service, { report: (call: ReportCall) => this.#receive(call) });
    options.health.addTo(this.#server);
    new ReflectionService(loadSync(COLLECTOR_PROTO, { includeDirs: [PROTO_DIRECTORY] })).addToServer(this.#server);
    const connections = this.#server.createConnectionInjector(serverCredentials(options.tls));
    this.#listener = new Listener({
      ...{ most: options.limits.connections, speaksWithin: options.limits.helloWithin },
      accept: (socket) => connections.injectConnection(socket),
      refused: (reason, address) => options.refusals.add(reason, { address }),
    });
  }

  /** @returns the port listened on */
  listen(host: string, port: number): Promise<number> {
    return this.#listener.listen(host, port);
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
    const closed = this.#listener.close();
    // Since Node 24 the library calls back before its sessions are closed, so the connections themselves are waited for.
    this.#server.tryShutdown(() => {});
    const timer = setTimeout(() => {
      this.#server.forceShutdown();
      // One that neither speaks nor closes its side is not the library's to cut.
      this.#listener.cut();
    }, CLOSE_WITHIN);
    await closed;
    clearTimeout(timer);
  }

  #receive(call: ReportCall): void {
    const { tokens, limits } = this.#options;
    const stranger = refuseSender(call.metadata, call.getPeer(), tokens);
    if (stranger !== undefined) this.#refuse(call, stranger.code, stranger.reason, stranger.message);
    else if (this.#stopping) refuse(call, status.UNAVAILABLE, STOPPING);
    else if (this.#streams.size >= limits.streams) {
      this.#refuse(call, status.RESOURCE_EXHAUSTED, "streams", `${limits.streams} streams are open already`);
    } else this.#open(call);
  }

  #open(call: ReportCall): void {
    const { helloWithin, messageBytes } = this.#options.limits;
    // A larger message is answered by the library, in words: the sender is told the number before it sends any.
    call.sendMetadata(Metadata.fromHttp2Headers({ [MESSAGE_BYTES_METADATA]: String(messageBytes) }));
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
