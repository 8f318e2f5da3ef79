// What browsers get outside the API: the page to log in on, and the dashboard for those who may read.
import { Hono } from "hono";
import type { Access } from "../middleware/access.ts";
import { dashboardRoutes } from "./dashboard.ts";
import { asksToLogIn, loginRoutes } from "./login.ts";

export function browserPages(access: Access, dashboardDirectory: string | undefined): Hono {
  const pages = new Hono();
  pages.route("/", loginRoutes());
  pages.use(asksToLogIn(access));
  pages.route("/", dashboardRoutes(dashboardDirectory));
  return pages;
}
