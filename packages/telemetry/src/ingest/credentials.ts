// What the gRPC server shows of itself, and whom it lets in.
import { type Metadata, ServerCredentials } from "@grpc/grpc-js";
import { allows, rolesWith } from "../access/roles.ts";
import type { Tls } from "../access/tls.ts";
import type { Tokens } from "../access/tokens.ts";

export function serverCredentials(tls: Tls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const { cert, key, clientCa = null } = tls;
  return ServerCredentials.createSsl(clientCa, [{ cert_chain: cert, private_key: key }], clientCa !== null);
}

/** @returns why whoever sent this metadata may not report runs; undefined when they may */
export function refuseSender(
  metadata: Metadata,
  tokens: Tokens,
): { reason: "token" | "role"; message: string } | undefined {
  if (!tokens.required) return undefined;
  const token = tokens.findBearer(String(metadata.get("authorization")[0] ?? ""));
  if (token === undefined) {
    return { reason: "token", message: `a token is needed, of role ${rolesWith("write")}` };
  }
  if (allows(token.role, "write")) return undefined;
  return { reason: "role", message: `a token of role ${token.role} does not write; needed is ${rolesWith("write")}` };
}
