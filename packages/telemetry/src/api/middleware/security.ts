// Keeps other web sites out: a page elsewhere must neither read this API nor reach it under a name that points here.
import type { MiddlewareHandler } from "hono";
import { isLoopback, LOOPBACK_HOSTS } from "../../access/exposure.ts";
import { Refusal } from "../errors.ts";

// Charts set styles on their elements, and figures are saved through blob: and data: images.
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** Seconds; browsers that have come over TLS once do not try without. */
const ONLY_TLS_FOR = 30 * 24 * 60 * 60;

export interface Reach {
  /** The server listens on a loopback address only. */
  loopback: boolean;
  tls: boolean;
  /** What may show the dashboard in a frame, in the words of CSP. */
  frameAncestors: readonly string[];
}

/**
 * Sets the security headers on every answer, and refuses what another site has its visitors' browsers send.
 *
 * On loopback every request must be addressed to this machine by its own name (DNS rebinding). Elsewhere any name is right, and a
 * page under another name has neither a token nor the cookie of a session; there the Origin must be the Host.
 */
export function security({ loopback, tls, frameAncestors }: Reach): MiddlewareHandler {
  const policy = `${CONTENT_SECURITY_POLICY}; frame-ancestors ${frameAncestors.join(" ")}`;
  return async (context, next) => {
    context.header("Content-Security-Policy", policy);
    context.header("X-Content-Type-Options", "nosniff");
    context.header("Referrer-Policy", "no-referrer");
    context.header("Cross-Origin-Resource-Policy", "same-origin");
    context.header("Cross-Origin-Opener-Policy", "same-origin");
    if (tls) context.header("Strict-Transport-Security", `max-age=${ONLY_TLS_FOR}`);
    const host = context.req.header("Host");
    const origin = context.req.header("Origin")?.replace(/^https?:\/\//, "");
    if (loopback) refuseForeign("Host", host);
    if (loopback && origin !== undefined) refuseForeign("Origin", origin);
    if (!loopback && origin !== undefined && origin !== host) {
      throw new Refusal(403, "origin", `Origin is ${JSON.stringify(origin)}: must be ${host}`);
    }
    await next();
  };
}

function refuseForeign(header: "Host" | "Origin", host: string | undefined): void {
  const name = host?.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  if (name !== undefined && isLoopback(name)) return;
  const reason = header === "Host" ? "host" : "origin";
  const own = LOOPBACK_HOSTS.join(", ");
  throw new Refusal(403, reason, `${header} is ${JSON.stringify(host ?? "")}: must be one of ${own}`);
}
