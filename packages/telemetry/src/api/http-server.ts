// The HTTP side of the collector: the API under /api/v1, what watches over the collector, the dashboard everywhere else.
import { createServer, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import { serve } from "@hono/node-server";
import type { Tls } from "../access/tls.ts";
import { type ApiContext, application } from "./application.ts";

/** Bytes of a request's line and headers, its address included. */
const MOST_HEADER_BYTES = 16 * 1024;
/** Milliseconds for the headers to arrive, for the whole request, and for the next one on the same connection. */
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 60_000 };
const CHECK_TIMEOUTS_EVERY = 5_000;

/** What the server answers to bytes that are no request it takes, by the code of Node's error. */
const BROKEN: Record<string, { reason: string; status: string }> = {
  HPE_HEADER_OVERFLOW: { reason: "header", status: "431 Request Header Fields Too Large" },
  ERR_HTTP_REQUEST_TIMEOUT: { reason: "slow", status: "408 Request Timeout" },
};

export interface HttpServerOptions extends ApiContext {
  tls: Tls | undefined;
}

export class HttpServer {
  readonly #options: HttpServerOptions;
  #server: Server | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
  }

  /** @returns the port listened on */
  listen(host: string, port: number): Promise<number> {
    const { fetch } = application(this.#options);
    return new Promise((resolve, reject) => {
      const server = serve({ fetch, hostname: host, port, ...this.#protocol() }, (info) =>
        resolve(info.port),
      ) as Server;
      server.once("error", reject);
      this.#guard(server);
      this.#server = server;
    });
  }

  /** Finishes what is being answered for at most half a second. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      // A viewer that does not read would hold its connection for ever.
      const timer = setTimeout(() => server.closeAllConnections(), 500);
      server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      server.closeIdleConnections();
    });
  }

  #protocol() {
    const limits = {
      ...{ maxHeaderSize: MOST_HEADER_BYTES, ...TIMEOUTS },
      connectionsCheckingInterval: CHECK_TIMEOUTS_EVERY,
    };
    const { tls } = this.#options;
    if (tls === undefined) return { createServer, serverOptions: limits };
    const { cert, key, clientCa: ca } = tls;
    const clients = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true };
    return { createServer: createTlsServer, serverOptions: { ...limits, cert, key, ...clients } };
  }

  /** Counts what Node refuses before there is a request. */
  #guard(server: Server): void {
    const { refusals, limits } = this.#options;
    server.maxConnections = limits.connections;
    server.on("drop", (connection) => refusals.add("connections", { address: connection?.remoteAddress }));
    server.on("tlsClientError", (error: Error, socket: Socket) => {
      refusals.add("tls", { address: socket.remoteAddress, why: error.message });
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      // A viewer that went away.
      if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
      const { reason, status } = BROKEN[error.code ?? ""] ?? { reason: "broken", status: "400 Bad Request" };
      refusals.add(reason, { address: socket.remoteAddress });
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    });
  }
}
