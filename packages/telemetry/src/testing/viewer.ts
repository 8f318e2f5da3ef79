// A viewer of the live stream in tests: reads LiveEvents one at a time, or not at all.
import { type ClientRequest, get, type IncomingMessage } from "node:http";
import { v1 } from "@moescope/proto";
import protobuf from "protobufjs/minimal.js";
import { onTestFinished } from "vitest";
import type { Collector } from "../index.ts";

export class TestViewer {
  readonly #request: ClientRequest;
  readonly #response: IncomingMessage;
  readonly #events: AsyncGenerator<v1.LiveEvent>;

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.#request = request;
    this.#response = response;
    this.#events = eventsIn(response);
  }

  /** @param query parameters of GET /live */
  static async open(collector: Collector, query = ""): Promise<TestViewer> {
    return new Promise((resolve, reject) => {
      const request = get(`http://${collector.httpAddress}/api/v1/live?${query}`, (response) => {
        response.on("error", () => {}); // cut off when the collector stops
        resolve(new TestViewer(request, response));
      });
      request.on("error", reject);
      onTestFinished(() => void request.destroy());
    });
  }

  get contentType(): string | undefined {
    return this.#response.headers["content-type"];
  }

  /** @returns the next event; undefined when the stream has ended */
  async next(): Promise<v1.LiveEvent | undefined> {
    const { value, done } = await this.#events.next();
    return done === true ? undefined : value;
  }

  /** @returns the next event for which `pick` gives something */
  async find<T>(pick: (event: v1.LiveEvent) => T | null | undefined): Promise<T> {
    for (;;) {
      const event = await this.next();
      if (event === undefined) throw new Error("the live stream ended");
      const found = pick(event);
      if (found !== null && found !== undefined) return found;
    }
  }

  close(): void {
    this.#request.destroy();
  }
}

async function* eventsIn(chunks: AsyncIterable<Buffer>): AsyncGenerator<v1.LiveEvent> {
  let unread = Buffer.alloc(0);
  for await (const chunk of chunks) {
    unread = Buffer.concat([unread, chunk]);
    for (let end = endOfMessage(unread); end !== undefined; end = endOfMessage(unread)) {
      yield v1.LiveEvent.decodeDelimited(unread.subarray(0, end));
      unread = unread.subarray(end);
    }
  }
}

/** Where the first whole length-delimited message ends. */
function endOfMessage(bytes: Buffer): number | undefined {
  if (bytes.length === 0 || (bytes.length < 5 && bytes.every((byte) => byte >= 128))) return undefined;
  const reader = protobuf.Reader.create(bytes);
  const end = reader.uint32() + reader.pos;
  return end <= bytes.length ? end : undefined;
}
