// A stream to a collector without a gRPC library: sends any bytes, and reads answers only when it wants to.
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { collectorService, v1 } from "@moescope/proto";
import { onTestFinished } from "vitest";

/** A connection that may carry many streams. */
export class RawConnection {
  readonly #session: ClientHttp2Session;

  constructor(address: string) {
    this.#session = connect(`http://${address}`);
    this.#session.on("error", () => {}); // its streams close
    onTestFinished(() => this.#session.destroy());
  }

  open(): RawStream {
    const headers = { ":method": "POST", ":path": collectorService.report.path, te: "trailers" };
    return new RawStream(this.#session.request({ ...headers, "content-type": "application/grpc" }));
  }
}

export class RawStream {
  /** The gRPC status that the collector ended it with, once all its answers were read. */
  readonly status: Promise<number>;
  readonly #stream: ClientHttp2Stream;

  constructor(stream: ClientHttp2Stream) {
    this.#stream = stream;
    stream.on("error", () => {}); // it closes
    this.status = new Promise((resolve) => {
      const tell = (headers: { "grpc-status"?: unknown }) => {
        if (headers["grpc-status"] !== undefined) resolve(Number(headers["grpc-status"]));
      };
      stream.on("response", tell);
      stream.on("trailers", tell);
    });
  }

  get closed(): boolean {
    return this.#stream.closed;
  }

  send(request: v1.ReportRequest.$Properties): void {
    this.sendFrame(v1.ReportRequest.encode(request).finish());
  }

  /** Resolves when the connection has taken the message. */
  async deliver(request: v1.ReportRequest.$Properties): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#stream.write(framed(v1.ReportRequest.encode(request).finish()), () => resolve());
    });
  }

  /** @param length that the frame says it has; that of the bytes when absent */
  sendFrame(bytes: Uint8Array, length = bytes.length): void {
    this.#stream.write(framed(bytes, length));
  }

  /** Resolves when the collector has answered at all. */
  async answered(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#stream.once("readable", resolve);
    });
  }

  /** The answers, undecoded, from now on. */
  async *messages(): AsyncGenerator<Buffer> {
    let unread = Buffer.alloc(0);
    for await (const chunk of this.#stream as AsyncIterable<Buffer>) {
      unread = Buffer.concat([unread, chunk]);
      for (let end = endOf(unread); end <= unread.length; end = endOf(unread)) {
        yield unread.subarray(HEADER_BYTES, end);
        unread = unread.subarray(end);
      }
    }
  }

  /** Reads every answer, until there have been so many bytes of them. */
  async read(bytes: number): Promise<void> {
    let seen = 0;
    await new Promise<void>((resolve) => {
      this.#stream.on("data", (chunk: Buffer) => {
        seen += chunk.length;
        if (seen >= bytes) resolve();
      });
    });
  }
}

const HEADER_BYTES = 5;

/** Where the first message ends, once its header is there. */
function endOf(bytes: Buffer): number {
  return bytes.length < HEADER_BYTES ? Number.POSITIVE_INFINITY : HEADER_BYTES + bytes.readUInt32BE(1);
}

function framed(bytes: Uint8Array, length = bytes.length): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, bytes]);
}
