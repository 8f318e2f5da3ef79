// GET /runs and /runs/:id, answered from memory; DELETE /runs/:id.
import { v1 } from "@moescope/proto";
import { Hono } from "hono";
import type { Runs } from "../store/runs.ts";
import { RequestError, respond } from "./respond.ts";

/** @param deleteRun settles when nothing of the run is left, with false when it is being reported */
export function runRoutes(runs: Runs, deleteRun: (run: string) => Promise<boolean>): Hono {
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
  routes.delete("/runs/:id", async (context) => {
    const id = context.req.param("id");
    if (runs.description(id) === undefined) unknownRun(id);
    const deleted = await deleteRun(id);
    if (!deleted) throw new RequestError(409, `run ${id} is being reported; stop it before it is deleted`);
    return context.body(null, 204);
  });
  return routes;
}

export function unknownRun(id: string): never {
  throw new RequestError(404, `there is no run ${JSON.stringify(id)}; GET /api/v1/runs lists them`);
}
