// What lies between a reporter and a collector, for tests: a TCP proxy that cuts, stalls, slows and damages what goes through it.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { BitFlipper, type Damage } from "./damaging-network.ts";

/** How a connection ends that is cut: with a reset, or as if both sides had hung up. */
export type Cut = { afterBytes: number; how: "reset" | "close" };

interface Link {
  sockets: [Socket, Socket];
  stalled: boolean;
}

export class UnsteadyNetwork {
  readonly address: string;
  /** Connections made through it so far. */
  connections = 0;
  /** The next connections are cut like this, one after the other; bytes are those on their way to the collector. */
  readonly cuts: Cut[] = [];
  /** Bytes each way, every second, of every connection. */
  bytesPerSecond = Number.POSITIVE_INFINITY;
  /** New connections are accepted, and nothing follows. */
  stallsNew = false;
  /** Bits that are flipped, of what goes to the collector and of its answers. */
  readonly damage: { requests: Damage; answers: Damage } = { requests: noDamage(), answers: noDamage() };
  readonly #target: { host: string; port: number };
  readonly #server: Server;
  readonly #links = new Set<Link>();

  private constructor(server: Server, target: string) {
    this.#server = server;
    const at = target.lastIndexOf(":");
    this.#target = { host: target.slice(0, at), port: Number(target.slice(at + 1)) };
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("connection", (socket) => this.#join(socket));
  }

  /** @param target host:port */
  static async before(target: string): Promise<UnsteadyNetwork> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new UnsteadyNetwork(server, target);
  }

  /** Nothing more goes through the connections that are open now, and nobody is told. */
  stallOpen(): void {
    for (const link of this.#links) link.stalled = true;
  }

  /** Cuts the connections that are open now. */
  cutOpen(): void {
    for (const link of [...this.#links]) this.#part(link, "reset");
  }

  get open(): number {
    return this.#links.size;
  }

  async close(): Promise<void> {
    for (const { sockets } of this.#links) for (const socket of sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #join(socket: Socket): void {
    this.connections++;
    const upstream = connect(this.#target);
    const link: Link = { sockets: [socket, upstream], stalled: this.stallsNew };
    this.#links.add(link);
    for (const end of link.sockets) {
      end.on("error", () => {}); // it closes next
      end.on("close", () => this.#part(link, "close"));
    }
    const cut = this.cuts.shift();
    const { requests, answers } = this.damage;
    void this.#forward(link, socket, upstream, new BitFlipper(requests, true), cut);
    void this.#forward(link, upstream, socket, new BitFlipper(answers, false));
  }

  async #forward(link: Link, from: Socket, to: Socket, flipper: BitFlipper, cut?: Cut): Promise<void> {
    let bytes = 0;
    try {
      for await (const received of from as AsyncIterable<Buffer>) {
        if (link.stalled) await new Promise(() => {}); // for ever
        const chunk = flipper.passed(received);
        bytes += chunk.length;
        if (cut !== undefined && bytes > cut.afterBytes) {
          to.write(chunk.subarray(0, chunk.length - (bytes - cut.afterBytes)));
          this.#part(link, cut.how);
          return;
        }
        await this.#pass(chunk, to);
      }
      to.end();
    } catch {
      // A socket that was destroyed while it was read.
    }
  }

  async #pass(chunk: Buffer, to: Socket): Promise<void> {
    const pieces = this.bytesPerSecond === Number.POSITIVE_INFINITY ? [chunk] : piecesOf(chunk, 512);
    for (const piece of pieces) {
      await delay((1000 * piece.length) / this.bytesPerSecond);
      if (!to.write(piece)) await Promise.race([once(to, "drain"), once(to, "close")]);
    }
  }

  #part(link: Link, how: Cut["how"]): void {
    if (!this.#links.delete(link)) return;
    for (const socket of link.sockets) {
      if (how === "reset") socket.resetAndDestroy();
      else socket.end(() => socket.destroy());
    }
  }
}

function noDamage(): Damage {
  return { every: Number.POSITIVE_INFINITY, flips: 0, random: Math.random };
}

function piecesOf(chunk: Buffer, length: number): Buffer[] {
  return Array.from({ length: Math.ceil(chunk.length / length) }, (_, index) =>
    chunk.subarray(index * length, (index + 1) * length),
  );
}
