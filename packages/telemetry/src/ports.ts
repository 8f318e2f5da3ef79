// Listens on a port, or on the next free one when that is allowed.

/** How many ports are tried after the one asked for. */
const TRIES = 20;

export interface PortOptions {
  /** "HTTP" or "gRPC", for messages. */
  what: string;
  host: string;
  port: number;
  /** Whether the next free port will do. */
  fallback: boolean;
  server: { listen: (host: string, port: number) => Promise<number> };
}

export class Port {
  readonly #options: PortOptions;
  #bound: number | undefined;

  constructor(options: PortOptions) {
    this.#options = options;
  }

  /** @throws Error that names the port when it is taken, and with fallback also the next ones */
  async open(): Promise<void> {
    const { what, host, port, fallback, server } = this.#options;
    const last = fallback && port !== 0 ? Math.min(port + TRIES, 65535) : port;
    for (let candidate = port; candidate <= last; candidate++) {
      this.#bound = await server.listen(host, candidate).catch(refuseUnlessTaken);
      if (this.#bound !== undefined) return;
    }
    const taken = last === port ? `port ${port} is taken` : `ports ${port} to ${last} are all taken`;
    throw new Error(`${taken}: ${what} cannot listen on ${host}; choose another port or stop what listens there`);
  }

  /** `host:port`, once it is open. */
  get address(): string {
    const { host } = this.#options;
    return `${host.includes(":") ? `[${host}]` : host}:${this.#bound}`;
  }

  /** Says that another port than the one asked for is used. */
  get notice(): string | undefined {
    const { what, port } = this.#options;
    const asked = port === 0 || port === this.#bound;
    return asked ? undefined : `port ${port} is taken; ${what} listens on ${this.#bound}`;
  }
}

function refuseUnlessTaken(error: Error & { code?: string }): undefined {
  if (error.code === "EADDRINUSE" || error.message.includes("EADDRINUSE")) return undefined;
  throw error;
}
