// GET /runs and /runs/:id, answered from memory.
import { v1 } from "@moescope/proto";
import { Hono } from "hono";
import type { Runs } from "../store/runs.ts";
import { RequestError, respond } from "./respond.ts";

export function runRoutes(runs: Runs): Hono {
  const routes = new Hono();
  routes.get("/runs", (context) => {
    const summaries = runs.ids().map((id) => runs.summary(id)!);
    // Newest first.
    summaries.sort((a, b) => b.run!.startedAt! - a.run!.startedAt!);
    return respond(context, v1.RunList, { runs: summaries });
  });
  routes.get("/runs/:id", (context) => {
    const id = context.req.param("id");
    return respond(context, v1.RunSummary, runs.summary(id) ?? unknownRun(id));
  });
  return routes;
}

export function unknownRun(id: string): never {
  throw new RequestError(404, `there is no run ${JSON.stringify(id)}; GET /api/v1/runs lists them`);
}
