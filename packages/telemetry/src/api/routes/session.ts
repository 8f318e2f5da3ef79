// /session: a browser hands in a token once, and is known by a cookie that no script can read from then on.
import { deleteCookie, setCookie } from "hono/cookie";
import { z } from "zod";
import { ROLE_NAMES } from "../../access/roles.ts";
import { SESSION_SECONDS } from "../../access/sessions.ts";
import { json, nothing } from "../answers.ts";
import { BODY_ERRORS } from "../body.ts";
import { Refusal } from "../errors.ts";
import { type Access, presented, roleOf, SESSION_COOKIE } from "../middleware/access.ts";
import { type Route, route } from "../route.ts";

const PATH = "/api/v1/session";
const TOKEN = z.strictObject({ token: z.string().min(1).max(1024) });
const SESSION = z.looseObject({
  required: z.boolean().describe("Whether the collector asks for a token."),
  role: z.enum(ROLE_NAMES).nullable().describe("What the one who asks may do."),
});

export function readSession(access: Access): Route {
  return route(
    { method: "get", path: PATH, summary: "What the one who asks may do.", right: "open", answer: json(SESSION) },
    (_, context) => ({ required: access.tokens.required, role: roleOf(context, access) ?? null }),
  );
}

/** @param secure whether the cookie is to be sent over TLS only */
export function logIn({ tokens, sessions }: Access, secure: boolean): Route {
  return route(
    {
      method: "post",
      path: PATH,
      summary: "Logs a browser in: the answer sets a cookie.",
      right: "open",
      body: { schema: TOKEN, form: '{"token": "..."}', mostBytes: 4096 },
      answer: json(SESSION),
      errors: BODY_ERRORS,
    },
    ({ body }, context) => {
      const token = presented(context, (address) => tokens.find(body.token, address));
      if (token === undefined) throw new Refusal(401, "token", "the collector does not know this token");
      setCookie(context, SESSION_COOKIE, sessions.open(token), { ...cookie(secure), maxAge: SESSION_SECONDS });
      return { required: tokens.required, role: token.role };
    },
  );
}

/** @param secure as it was when the cookie was set */
export function logOut(secure: boolean): Route {
  return route(
    { method: "delete", path: PATH, summary: "Logs a browser out.", right: "open", answer: nothing },
    (_, context) => void deleteCookie(context, SESSION_COOKIE, cookie(secure)),
  );
}

function cookie(secure: boolean) {
  return { path: "/", httpOnly: true, sameSite: "Strict", secure } as const;
}
