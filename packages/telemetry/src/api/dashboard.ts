// The built dashboard as static files; any path of the application answers with its page.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono } from "hono";

const PAGE = "index.html";
/** Names that the build derives from the content. */
const HASHED = /^\/assets\//;

/** @throws Error when a dashboard is to be served from a directory that holds none */
export function checkDashboard(directory: string | undefined): void {
  if (directory === undefined || existsSync(join(directory, PAGE))) return;
  throw new Error(`there is no dashboard in ${directory}: ${PAGE} is missing; build it, or let only the API be served`);
}

/** @param directory where the dashboard was built to; undefined when it is not served */
export function dashboardRoutes(directory: string | undefined): Hono {
  const routes = new Hono();
  if (directory === undefined) {
    routes.get("*", (context) => context.text("The dashboard is not served here. The API is at /api/v1/runs\n", 404));
    return routes;
  }
  routes.use(async (context, next) => {
    await next();
    const keep = HASHED.test(context.req.path) && context.res.ok;
    context.header("Cache-Control", keep ? "public, max-age=31536000, immutable" : "no-cache");
  });
  routes.get("*", serveStatic({ root: directory }));
  routes.get("/assets/*", (context) => context.text("no such file\n", 404));
  routes.get("*", serveStatic({ root: directory, path: PAGE }));
  return routes;
}
