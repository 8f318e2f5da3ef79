// GET /runs and /runs/:id, answered from memory; PUT /runs/:id/annotation; DELETE /runs/:id.
import { v1 } from "@moescope/proto";
import { z } from "zod";
import type { AnnotateRun } from "../../annotate-run.ts";
import type { DeleteRun } from "../../delete-run.ts";
import { ANNOTATION_LIMITS } from "../../store/runs/annotation-table.ts";
import type { Runs } from "../../store/runs/runs.ts";
import { message, nothing } from "../answers.ts";
import { BODY_ERRORS } from "../body.ts";
import { RequestError } from "../errors.ts";
import { type Route, route } from "../route.ts";
import { knownRun, UNKNOWN_RUN, unknownRun } from "./known-run.ts";

const ANNOTATION = z.strictObject({
  name: z.string().max(ANNOTATION_LIMITS.name).default("").describe("Instead of the run's own; empty for none."),
  tags: z
    .array(z.string().min(1).max(ANNOTATION_LIMITS.tag))
    .max(ANNOTATION_LIMITS.tags)
    .default([])
    .describe("Besides the run's own."),
  notes: z.string().max(ANNOTATION_LIMITS.notes).default(""),
});

export function listRuns(runs: Runs): Route {
  return route(
    {
      method: "get",
      path: "/api/v1/runs",
      summary: "All runs, the newest first.",
      right: "read",
      answer: message(v1.RunList),
    },
    () => {
      const summaries = runs.ids().map((id) => runs.summary(id)!);
      return { runs: summaries.sort((a, b) => b.run!.startedAt! - a.run!.startedAt!) };
    },
  );
}

export function readRun(runs: Runs): Route {
  return route(
    {
      method: "get",
      path: "/api/v1/runs/{id}",
      summary: "One run.",
      right: "read",
      answer: message(v1.RunSummary),
      errors: UNKNOWN_RUN,
    },
    ({ id }) => runs.summary(id) ?? unknownRun(id),
  );
}

export function annotateRun(annotate: AnnotateRun): Route {
  const form = '{"name": "...", "tags": ["..."], "notes": "..."}';
  return route(
    {
      method: "put",
      path: "/api/v1/runs/{id}/annotation",
      summary: "Writes on a run what everybody sees.",
      right: "annotate",
      body: { schema: ANNOTATION, form, mostBytes: 64 * 1024 },
      answer: nothing,
      errors: { ...UNKNOWN_RUN, ...BODY_ERRORS },
    },
    async ({ id, body }) => {
      if (!(await annotate(id, new v1.Annotation(body)))) unknownRun(id);
    },
  );
}

export function deleteRun(runs: Runs, remove: DeleteRun): Route {
  return route(
    {
      method: "delete",
      path: "/api/v1/runs/{id}",
      summary: "Deletes a run that nobody reports.",
      right: "delete",
      answer: nothing,
      errors: { ...UNKNOWN_RUN, 409: "The run is being reported." },
    },
    async ({ id }) => {
      knownRun(id, runs);
      if (await remove(id)) return;
      throw new RequestError(409, `run ${id} is being reported; stop it before it is deleted`);
    },
  );
}
