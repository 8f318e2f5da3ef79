// A client of a collector's HTTP API that shows what the collector asks for.
import { type Client, createClient, type Fetch } from "@moescope/dashboard/api";
import type { CollectorAccess } from "@moescope/trainer";
import { Failure } from "../failure.ts";

/** @param url as in https://collector:4680 @returns a client whose requests fail with a Failure where no collector answers */
export async function collectorClient(url: string, access: CollectorAccess): Promise<Client> {
  const send = orNoAnswer(url, await fetchOver(access.tls));
  const { token } = access;
  if (token === undefined) return createClient(url, send);
  const authorization = `Bearer ${token}`;
  return createClient(url, (path, init) => send(path, { ...init, headers: { ...init.headers, authorization } }));
}

/** What `send` rejects with, unless it was aborted, is that the request reached no collector. */
function orNoAnswer(url: string, send: Fetch): Fetch {
  return (path, init) =>
    send(path, init).catch((error: Error) => {
      if (init.signal?.aborted) throw error;
      throw new Failure(`No collector answers at ${url}: ${reasonOf(error)}`, { cause: error });
    });
}

/** What stands behind fetch's own words: the system's error, or several of one code where a name has several addresses. */
function reasonOf({ message, cause }: Error): string {
  const behind = cause as NodeJS.ErrnoException | undefined;
  return behind?.message || behind?.code || message;
}

/** Node's own `fetch` cannot be told of certificates; the library that it is made of can. */
async function fetchOver(tls: CollectorAccess["tls"]): Promise<Fetch> {
  if (tls === undefined) return (url, init) => fetch(url, init);
  const { Agent, fetch: fetchThrough } = await import("undici");
  const dispatcher = new Agent({ connect: { ...tls } });
  return (url, init) => fetchThrough(url, { ...init, dispatcher } as never) as unknown as Promise<Response>;
}
