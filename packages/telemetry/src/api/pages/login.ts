// The page that asks a browser for a token before it gets the dashboard; opened with #token=... it does not need to ask, and opened as
// /logout it ends the session first.
import { Hono, type MiddlewareHandler } from "hono";
import { allows } from "../../access/roles.ts";
import { type Access, roleOf } from "../middleware/access.ts";

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>moescope: log in</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh; margin: 0 16px }
  form { display: grid; gap: 8px; width: min(24rem, 100%) }
  h1 { font-size: 20px; margin: 0 }
  input, button { font: inherit; padding: 8px }
  p { margin: 0; min-height: 1.5em }
</style>
</head>
<body>
<form id="login">
  <h1>moescope</h1>
  <label for="token">This collector asks for a token</label>
  <input id="token" type="password" autocomplete="current-password" required autofocus>
  <button>Log in</button>
  <p id="said" role="status"></p>
</form>
<script src="/login.js"></script>
</body>
</html>
`;

const SCRIPT = `// Hands the token in; what comes back is a cookie that this script cannot see.
const form = document.getElementById("login");
const said = document.getElementById("said");
const leaving = location.pathname === "/logout";

async function logIn(token) {
  said.textContent = "";
  const answer = await fetch("/api/v1/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (answer.ok) location.replace(leaving ? "/" : location.pathname + location.search);
  else said.textContent = (await answer.json()).error.message;
}

function tryIn(token) {
  logIn(token).catch((error) => { said.textContent = error.message; });
}

const hidden = /[#&]token=([^&]*)/.exec(location.hash);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  tryIn(document.getElementById("token").value.trim());
});
if (leaving) fetch("/api/v1/session", { method: "DELETE" }).then(() => { said.textContent = "You are logged out."; });
if (hidden) {
  // It must not stay in the address, where people copy it from.
  history.replaceState(null, "", location.pathname + location.search);
  tryIn(decodeURIComponent(hidden[1]));
}
`;

/** Everyone gets the script of the page, and may leave. */
export function loginRoutes(): Hono {
  const routes = new Hono();
  routes.get("/login.js", (context) => {
    context.header("Cache-Control", "no-cache");
    return context.body(SCRIPT, 200, { "Content-Type": "text/javascript; charset=utf-8" });
  });
  routes.get("/logout", (context) => context.html(PAGE));
  return routes;
}

/** Shows the page, in the place of any other, to those who may not read. */
export function asksToLogIn(access: Access): MiddlewareHandler {
  return async (context, next) => {
    const role = roleOf(context, access);
    if (role !== undefined && allows(role, "read")) return next();
    context.header("Cache-Control", "no-store");
    const page = context.req.header("Accept")?.includes("text/html") ?? false;
    return page ? context.html(PAGE, 401) : context.text("a token is needed\n", 401);
  };
}
