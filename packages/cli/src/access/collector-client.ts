// A client of a collector's HTTP API that shows what the collector asks for.
import { type Client, createClient, type Fetch } from "@moescope/dashboard/api";
import type { CollectorAccess } from "@moescope/trainer";

/** @param url as in https://collector:4680 */
export async function collectorClient(url: string, access: CollectorAccess): Promise<Client> {
  const send = await fetchOver(access.tls);
  const { token } = access;
  if (token === undefined) return createClient(url, send);
  const authorization = `Bearer ${token}`;
  return createClient(url, (path, init) => send(path, { ...init, headers: { ...init.headers, authorization } }));
}

/** Node's own `fetch` cannot be told of certificates; the library that it is made of can. */
async function fetchOver(tls: CollectorAccess["tls"]): Promise<Fetch> {
  if (tls === undefined) return (url, init) => fetch(url, init);
  const { Agent, fetch: fetchThrough } = await import("undici");
  const dispatcher = new Agent({ connect: { ...tls } });
  return (url, init) => fetchThrough(url, { ...init, dispatcher } as never) as unknown as Promise<Response>;
}
