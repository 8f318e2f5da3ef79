// GET /runs and /runs/:id, answered from memory; PUT /runs/:id/annotation; DELETE /runs/:id.
import { v1 } from "@moescope/proto";
import { Hono } from "hono";
import type { AnnotateRun } from "../../annotate-run.ts";
import type { DeleteRun } from "../../delete-run.ts";
import type { Runs } from "../../store/runs/runs.ts";
import { bodyOf, limitedBody } from "../body.ts";
import { annotationRequest } from "../parameters.ts";
import { RequestError, respond } from "../respond.ts";

export interface RunChanges {
  deleteRun: DeleteRun;
  annotateRun: AnnotateRun;
}

export function runRoutes(runs: Runs, changes: RunChanges): Hono {
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
  routes.put("/runs/:id/annotation", limitedBody(64 * 1024), async (context) => {
    const id = context.req.param("id");
    const form = '{"name": "...", "tags": ["..."], "notes": "..."}';
    const annotation = new v1.Annotation(await bodyOf(context.req, annotationRequest, form));
    if (!(await changes.annotateRun(id, annotation))) unknownRun(id);
    return context.body(null, 204);
  });
  routes.delete("/runs/:id", async (context) => {
    const id = context.req.param("id");
    if (runs.description(id) === undefined) unknownRun(id);
    const deleted = await changes.deleteRun(id);
    if (!deleted) throw new RequestError(409, `run ${id} is being reported; stop it before it is deleted`);
    return context.body(null, 204);
  });
  return routes;
}

export function unknownRun(id: string): never {
  throw new RequestError(404, `there is no run ${JSON.stringify(id)}; GET /api/v1/runs lists them`);
}
