// Who asks: by the token of a program, or by the session of a browser; and whether they may.
import type { HttpBindings } from "@hono/node-server";
import type { Context, MiddlewareHandler } from "hono";
import { getCookie } from "hono/cookie";
import { TooManyGuesses } from "../../access/guesses.ts";
import { allows, type Right, type Role, rolesWith } from "../../access/roles.ts";
import type { Sessions } from "../../access/sessions.ts";
import type { KnownToken, Tokens } from "../../access/tokens.ts";
import { Refusal } from "../errors.ts";

export const SESSION_COOKIE = "moescope-session";

export interface Access {
  tokens: Tokens;
  sessions: Sessions;
}

/** @returns the role of whoever asks; undefined when the collector does not know them */
export function roleOf(context: Context, { tokens, sessions }: Access): Role | undefined {
  if (!tokens.required) return "admin";
  const header = context.req.header("Authorization");
  if (header !== undefined) return presented(context, (address) => tokens.findBearer(header, address))?.role;
  const cookie = getCookie(context, SESSION_COOKIE);
  return cookie === undefined ? undefined : sessions.find(cookie)?.role;
}

/** @throws Refusal (429) when the address that asks has presented too many wrong tokens */
export function presented(context: Context, find: (address: string) => KnownToken | undefined): KnownToken | undefined {
  try {
    return find((context.env as HttpBindings).incoming.socket.remoteAddress ?? "");
  } catch (error) {
    if (!(error instanceof TooManyGuesses)) throw error;
    context.header("Retry-After", String(error.seconds));
    throw new Refusal(429, "guesses", error.message);
  }
}

/** Lets only those through who may; everyone where the right is `open`. */
export function requires(right: Right | "open", access: Access): MiddlewareHandler {
  return async (context, next) => {
    if (right !== "open") refuseOthers(right, context, access);
    await next();
  };
}

/** What a method does where there is no route that says so more exactly. */
const USUAL_RIGHTS: Record<string, Right> = { GET: "read", HEAD: "read", PUT: "annotate", DELETE: "delete" };

/** Tells only those who may ask which routes there are not. */
export function requiresUsual(access: Access): MiddlewareHandler {
  return async (context, next) => {
    const right = USUAL_RIGHTS[context.req.method];
    if (right !== undefined) refuseOthers(right, context, access);
    await next();
  };
}

function refuseOthers(right: Right, context: Context, access: Access): void {
  const role = roleOf(context, access);
  if (role === undefined) {
    context.header("WWW-Authenticate", 'Bearer realm="moescope"');
    throw new Refusal(401, "token", `a token is needed, of role ${rolesWith(right)}`);
  }
  if (!allows(role, right)) {
    throw new Refusal(403, "role", `a token of role ${role} does not ${right}; needed is ${rolesWith(right)}`);
  }
}
