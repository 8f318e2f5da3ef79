// /session: a browser hands in a token once, and is known by a cookie that no script can read from then on.
import { Hono } from "hono";
import { deleteCookie, setCookie } from "hono/cookie";
import { SESSION_SECONDS } from "../access/sessions.ts";
import { type Access, presented, roleOf, SESSION_COOKIE } from "./access.ts";
import { bodyOf, limitedBody } from "./body.ts";
import { sessionRequest } from "./parameters.ts";
import { Refusal } from "./respond.ts";

/** @param secure whether the cookie is to be sent over TLS only */
export function sessionRoutes(access: Access, secure: boolean): Hono {
  const cookie = { path: "/", httpOnly: true, sameSite: "Strict", secure } as const;
  const routes = new Hono();
  routes.get("/session", (context) => {
    const role = roleOf(context, access) ?? null;
    return context.json({ required: access.tokens.required, role });
  });
  routes.post("/session", limitedBody(4096), async (context) => {
    const { token: handedIn } = await bodyOf(context.req, sessionRequest, '{"token": "..."}');
    const token = presented(context, (address) => access.tokens.find(handedIn, address));
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
