// Keeps other web sites out: a page elsewhere must neither read this API nor reach it under a name that points here.
import type { MiddlewareHandler } from "hono";
import { LOOPBACK_HOSTS } from "../config.ts";
import { RequestError } from "./respond.ts";

// Charts set styles on their elements, and figures are saved through blob: and data: images.
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** Refuses requests whose Host or Origin is not this machine (DNS rebinding), and sets the security headers. */
export function security(): MiddlewareHandler {
  return async (context, next) => {
    refuseForeign("Host", context.req.header("Host"));
    const origin = context.req.header("Origin");
    if (origin !== undefined) refuseForeign("Origin", origin.replace(/^https?:\/\//, ""));
    await next();
    context.header("Content-Security-Policy", CONTENT_SECURITY_POLICY);
    context.header("X-Content-Type-Options", "nosniff");
    context.header("Referrer-Policy", "no-referrer");
    context.header("Cross-Origin-Resource-Policy", "same-origin");
  };
}

function refuseForeign(header: string, host: string | undefined): void {
  const name = host?.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  if (name !== undefined && (LOOPBACK_HOSTS as readonly string[]).includes(name)) return;
  throw new RequestError(
    403,
    `${header} ${JSON.stringify(host ?? "")} is not allowed: only ${LOOPBACK_HOSTS.join(", ")}`,
  );
}
