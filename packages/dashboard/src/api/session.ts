// The session of a browser with a collector that asks for a token.
import { CollectorError, type Fetch } from "./client.ts";

const PATH = "/api/v1/session";

export interface Session {
  /** Whether the collector asks for a token. */
  required: boolean;
  /** What this browser may do; null: nothing. */
  role: string | null;
}

/** @throws CollectorError when the answer is an error; `TypeError` when the collector cannot be reached */
export async function readSession(base: string, send: Fetch = fetch, signal?: AbortSignal): Promise<Session> {
  const response = await send(base + PATH, { signal: signal ?? null });
  if (!response.ok)
    throw new CollectorError(`the collector does not tell the session: ${response.status}`, response.status);
  return (await response.json()) as Session;
}

/** Whether an error says that the collector no longer knows who asks. */
export function isLoggedOut(error: Error | undefined): boolean {
  return error instanceof CollectorError && error.status === 401;
}
