// Listens on a port, or on the next free one when that is allowed.

/** How many ports are tried after the one asked for. */
const TRIES = 20;

export interface ListenRequest {
  /** "HTTP" or "gRPC", for messages. */
  what: string;
  host: string;
  port: number;
  fallback: boolean;
  listen: (host: string, port: number) => Promise<number>;
}

export interface Listening {
  /** `host:port` */
  address: string;
  /** Says that another port than the one asked for is used. */
  notice: string | undefined;
}

/** @throws Error that names the port when it is taken, and with fallback also the next ones */
export async function listenOn({ what, host, port, fallback, listen }: ListenRequest): Promise<Listening> {
  const last = fallback && port !== 0 ? Math.min(port + TRIES, 65535) : port;
  for (let candidate = port; candidate <= last; candidate++) {
    const bound = await listen(host, candidate).catch(refuseUnlessTaken);
    if (bound === undefined) continue;
    const notice = bound === port || port === 0 ? undefined : `port ${port} is taken; ${what} listens on ${bound}`;
    return { address: `${host.includes(":") ? `[${host}]` : host}:${bound}`, notice };
  }
  const taken = last === port ? `port ${port} is taken` : `ports ${port} to ${last} are all taken`;
  throw new Error(`${taken}: ${what} cannot listen on ${host}; choose another port or stop what listens there`);
}

function refuseUnlessTaken(error: Error & { code?: string }): undefined {
  if (error.code === "EADDRINUSE" || error.message.includes("EADDRINUSE")) return undefined;
  throw error;
}
