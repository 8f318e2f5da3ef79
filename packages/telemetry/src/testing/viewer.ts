// A viewer of the live stream in tests: reads LiveEvents one at a time, or not at all.
import { type ClientRequest, get, type IncomingMessage } from "node:http";
import { v1 } from "@moescope/proto";
import { onTestFinished } from "vitest";
import type { Collector } from "../index.ts";
import { delimited } from "./delimited.ts";

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
  for await (const bytes of delimited(chunks)) yield v1.LiveEvent.decode(bytes);
}
