// GET /runs/:id/alerts: what has gone wrong with a run, answered from memory.
import { v1 } from "@moescope/proto";
import { Hono } from "hono";
import type { Alerts } from "../../alerts/alerts.ts";
import type { Runs } from "../../store/runs/runs.ts";
import { respond } from "../respond.ts";
import { unknownRun } from "./runs.ts";

export function alertRoutes(runs: Runs, alerts: Alerts): Hono {
  const routes = new Hono();
  routes.get("/runs/:id/alerts", (context) => {
    const { id } = runs.description(context.req.param("id")) ?? unknownRun(context.req.param("id"));
    return respond(context, v1.AlertList, { alerts: alerts.ofRun(id) });
  });
  return routes;
}
