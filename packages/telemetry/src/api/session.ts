// /session: a browser hands in a token once, and is known by a cookie that no script can read from then on.
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { deleteCookie, setCookie } from "hono/cookie";
import { SESSION_SECONDS } from "../access/sessions.ts";
import { type Access, roleOf, SESSION_COOKIE } from "./access.ts";
import { sessionRequest } from "./parameters.ts";
import { Refusal, RequestError } from "./respond.ts";

const MOST_BYTES = 4096;

/** @param secure whether the cookie is to be sent over TLS only */
export function sessionRoutes(access: Access, secure: boolean): Hono {
  const cookie = { path: "/", httpOnly: true, sameSite: "Strict", secure } as const;
  const routes = new Hono();
  routes.get("/session", (context) => {
    const role = roleOf(context, access) ?? null;
    return context.json({ required: access.tokens.required, role });
  });
  routes.post("/session", bodyLimit({ maxSize: MOST_BYTES, onError: tooLarge }), async (context) => {
    const token = access.tokens.find(await tokenIn(context.req));
    if (token === undefined) throw new Refusal(401, "token", "the collector does not know this token");
    setCookie(context, SESSION_COOKIE, access.sessions.open(token), { ...cookie, maxAge: SESSION_SECONDS });
    return context.json({ required: access.tokens.required, role: token.role });
  });
  routes.delete("/session", (context) => {
    deleteCookie(context, SESSION_COOKIE, cookie);
    return context.body(null, 204);
  });
  return routes;
}

// A form on another site can send text, not JSON.
async function tokenIn(request: {
  header(name: string): string | undefined;
  json(): Promise<unknown>;
}): Promise<string> {
  const type = request.header("Content-Type") ?? "";
  if (!/^application\/json\b/i.test(type)) {
    throw new Refusal(415, "body", `Content-Type ${JSON.stringify(type)}: allowed is application/json`);
  }
  const parsed = sessionRequest.safeParse(await request.json().catch(() => undefined));
  if (!parsed.success) throw new RequestError(400, 'the body is not {"token": "..."}');
  return parsed.data.token;
}

function tooLarge(): never {
  throw new Refusal(413, "body", `the body is too large: allowed are ${MOST_BYTES} bytes`);
}
