// A real HTTP server on loopback for tests of the client: it answers what the test tells it to.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { v1 } from "@moescope/proto";

export interface AnsweringServer {
  base: string;
  /** Path and parameters of every request so far. */
  requests: string[];
  /** Breaks every connection, as a killed collector would. */
  breakConnections(): void;
  close(): Promise<void>;
}

export async function startAnswering(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<AnsweringServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? "");
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    breakConnections: () => server.closeAllConnections(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers with the bytes of a message. */
export function answerProtobuf(response: ServerResponse, bytes: Uint8Array): void {
  response.writeHead(200, { "content-type": "application/x-protobuf" }).end(bytes);
}

/** Begins a live stream. */
export function beginStream(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/x-protobuf" });
  response.flushHeaders();
}

/** @returns an event as it goes over the live stream, its length before it */
export function delimited(event: v1.LiveEvent.$Properties): Uint8Array {
  return v1.LiveEvent.encodeDelimited(event).finish();
}
