// Sessions of browsers: a signed cookie instead of a list, so nothing is kept, and a session ends with the token it was opened with.
import { createHmac, timingSafeEqual } from "node:crypto";
import type { KnownToken, Tokens } from "./tokens.ts";

/** Seconds. A dashboard stays open over a long run. */
export const SESSION_SECONDS = 7 * 24 * 60 * 60;

export class Sessions {
  readonly #tokens: Tokens;

  constructor(tokens: Tokens) {
    this.#tokens = tokens;
  }

  /** @returns value of the cookie: when it ends, in milliseconds since 1970, and a signature that only the token's digest makes */
  open(token: KnownToken, now = Date.now()): string {
    const end = String(now + SESSION_SECONDS * 1000);
    return `${end}.${signature(token, end).toString("base64url")}`;
  }

  /** @returns the token that the session was opened with; undefined when it is over, or not one of this collector's */
  find(cookie: string, now = Date.now()): KnownToken | undefined {
    const [, end, signed] = /^(\d{1,16})\.([\w-]{43})$/.exec(cookie) ?? [];
    if (end === undefined || Number(end) < now) return undefined;
    const presented = Buffer.from(signed!, "base64url");
    let found: KnownToken | undefined;
    for (const token of this.#tokens.known) if (timingSafeEqual(signature(token, end), presented)) found = token;
    return found;
  }
}

function signature({ digest }: KnownToken, end: string): Buffer {
  return createHmac("sha256", digest).update(`moescope session until ${end}`).digest();
}
