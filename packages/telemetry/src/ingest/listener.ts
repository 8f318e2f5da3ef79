// Accepts the connections that the gRPC server speaks over. It keeps hold of each, which the gRPC library does only once a connection
// speaks HTTP/2: one that never does would keep the process from ending.
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** Bytes with which every HTTP/2 connection begins; a TLS handshake has more. */
const PREFACE_BYTES = 24;

export interface ListenerOptions {
  /** Connections at one time. */
  most: number;
  /** Milliseconds in which a connection must have begun to speak. */
  speaksWithin: number;
  /** Takes over a connection. */
  accept: (socket: Socket) => void;
  refused: (reason: "connections" | "silent", address: string | undefined) => void;
}

export class Listener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor({ most, speaksWithin, accept, refused }: ListenerOptions) {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      const impatient = setTimeout(() => {
        if (socket.bytesRead >= PREFACE_BYTES) return;
        refused("silent", socket.remoteAddress);
        socket.destroy();
      }, speaksWithin);
      socket.on("error", () => {}); // a peer that went away; its streams notice
      socket.once("close", () => {
        clearTimeout(impatient);
        this.#sockets.delete(socket);
      });
      accept(socket);
    });
    this.#server.maxConnections = most;
    this.#server.on("drop", (connection) => refused("connections", connection?.remoteAddress));
  }

  /** @returns the port listened on */
  async listen(host: string, port: number): Promise<number> {
    this.#server.listen(port, host);
    await once(this.#server, "listening");
    return (this.#server.address() as AddressInfo).port;
  }

  /** Accepts no more connections; resolves when every one there is has closed. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  /** Cuts every connection. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
