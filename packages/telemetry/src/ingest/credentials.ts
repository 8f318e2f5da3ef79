// What the gRPC server shows of itself, and whom it lets in.
import { type Metadata, ServerCredentials, status } from "@grpc/grpc-js";
import { TooManyGuesses } from "../access/guesses.ts";
import { allows, rolesWith } from "../access/roles.ts";
import type { Tls } from "../access/tls.ts";
import type { KnownToken, Tokens } from "../access/tokens.ts";

export function serverCredentials(tls: Tls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const { cert, key, clientCa = null } = tls;
  return ServerCredentials.createSsl(clientCa, [{ cert_chain: cert, private_key: key }], clientCa !== null);
}

export interface Stranger {
  /** Under which it is counted. */
  reason: "token" | "role" | "guesses";
  code: status;
  message: string;
}

/**
 * @param peer `address:port`
 * @returns why whoever sent this metadata may not report runs; undefined when they may
 */
export function refuseSender(metadata: Metadata, peer: string, tokens: Tokens): Stranger | undefined {
  if (!tokens.required) return undefined;
  const header = String(metadata.get("authorization")[0] ?? "");
  let token: KnownToken | undefined;
  try {
    token = tokens.findBearer(header, peer.replace(/:\d+$/, ""));
  } catch (error) {
    if (!(error instanceof TooManyGuesses)) throw error;
    return { reason: "guesses", code: status.RESOURCE_EXHAUSTED, message: error.message };
  }
  if (token === undefined) {
    const message = `a token is needed, of role ${rolesWith("write")}`;
    return { reason: "token", code: status.UNAUTHENTICATED, message };
  }
  if (allows(token.role, "write")) return undefined;
  const message = `a token of role ${token.role} does not write; needed is ${rolesWith("write")}`;
  return { reason: "role", code: status.PERMISSION_DENIED, message };
}
