// One gRPC stream to the collector, over a channel of its own: bytes out, responses in, and how it ended.
import { Client, type ClientDuplexStream, type Metadata, status } from "@grpc/grpc-js";
import { collectorService, MESSAGE_BYTES_METADATA, v1 } from "@moescope/proto";
import { verified } from "@moescope/proto/checksum";
import { type CollectorAccess, callMetadata, channelCredentials } from "./collector-access.ts";
import type { Ended } from "./stream-end.ts";

export interface CollectorTarget {
  /** host:port */
  address: string;
  access: CollectorAccess;
  /** A collector that answers nothing for so long, not even a ping, is taken for gone. */
  vanishedAfterMilliseconds: number;
}

export interface ConnectionEvents {
  responded(response: v1.ReportResponse): void;
  /** More can be written, after `write` returned false. */
  drained(): void;
  /** Called once, however the stream ended, unless `cancel` ended it. */
  closed(ended: Ended): void;
}

/** Bytes of an answer; those of collectors have some hundred. A larger one is of a length that was damaged on the way. */
const LARGEST_ANSWER = 65_536;

const channelOptions = {
  // Delivery alone decides when to try again: neither the channel nor a shared subchannel adds a delay or a copy of its own.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  // A proxy that the environment names is for the web, not for a collector on loopback or in the cluster.
  "grpc.enable_http_proxy": 0,
  "grpc.max_send_message_length": -1,
  "grpc.max_receive_message_length": LARGEST_ANSWER,
};

const DAMAGED: Ended = { code: status.DATA_LOSS, details: "an answer was damaged on the way" };

export class CollectorConnection {
  readonly #client: Client;
  readonly #stream: ClientDuplexStream<Uint8Array, Uint8Array>;
  readonly #checksums: boolean;
  readonly #unanswered: NodeJS.Timeout;
  #open = true;
  #messageBytes = Number.POSITIVE_INFINITY;

  /** @param checksums whether requests have them, and answers must */
  constructor(
    { address, access, vanishedAfterMilliseconds }: CollectorTarget,
    checksums: boolean,
    events: ConnectionEvents,
  ) {
    this.#checksums = checksums;
    this.#client = new Client(address, channelCredentials(access), {
      ...channelOptions,
      // The longer part is for the answer: on a slow line a ping waits behind the 64 KiB of messages that may be on their way.
      "grpc.keepalive_time_ms": vanishedAfterMilliseconds / 3,
      "grpc.keepalive_timeout_ms": (vanishedAfterMilliseconds * 2) / 3,
    });
    const { path } = collectorService.report;
    const asTheyAre = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#stream = this.#client.makeBidiStreamRequest(path, asTheyAre, asTheyAre, callMetadata(access));
    this.#stream.on("metadata", (metadata: Metadata) => {
      this.#messageBytes = Number(metadata.get(MESSAGE_BYTES_METADATA)[0]) || Number.POSITIVE_INFINITY;
    });
    this.#stream.on("data", (bytes: Uint8Array) => {
      clearTimeout(this.#unanswered);
      if (!this.#open) return;
      const response = this.#response(bytes);
      if (response === undefined) end(DAMAGED);
      else events.responded(response);
    });
    this.#stream.on("drain", () => this.#open && events.drained());
    // Every error comes again as a status.
    this.#stream.on("error", () => {});
    const end = (ended: Ended) => {
      if (!this.#open) return;
      this.#close();
      this.#stream.cancel();
      events.closed(ended);
    };
    this.#stream.on("status", end);
    // Pings begin with the connection: one that is never established is not found by them.
    const details = `no answer within ${vanishedAfterMilliseconds} ms`;
    this.#unanswered = setTimeout(end, vanishedAfterMilliseconds, { code: status.DEADLINE_EXCEEDED, details });
  }

  /** Of the largest message that the collector takes. Known with its first response, unless it does not say. */
  get messageBytes(): number {
    return this.#messageBytes;
  }

  /** @returns false when the stream has taken enough: wait for `drained` before the next write */
  write(request: Uint8Array): boolean {
    return this.#stream.write(request);
  }

  /** Says that nothing more will come; the collector ends the stream. */
  finish(): void {
    this.#stream.end();
  }

  /** Ends the stream at once. No event follows. */
  cancel(): void {
    if (!this.#open) return;
    this.#close();
    this.#stream.cancel();
  }

  /** @returns undefined when it was damaged on the way */
  #response(bytes: Uint8Array): v1.ReportResponse | undefined {
    const message = this.#checksums ? verified(bytes) : bytes;
    try {
      return message && v1.ReportResponse.decode(message);
    } catch {
      return undefined; // bytes that are no answer
    }
  }

  #close(): void {
    this.#open = false;
    clearTimeout(this.#unanswered);
    this.#client.close();
  }
}
