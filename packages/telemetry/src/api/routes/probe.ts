// GET /runs/:id/probe: what the newest probe at or before a step found.
import { v1 } from "@moescope/proto";
import { Hono } from "hono";
import { queryProbe } from "../../store/reading/probes.ts";
import type { Runs } from "../../store/runs/runs.ts";
import type { Store } from "../../store/store.ts";
import { probeParameters, readParameters } from "../parameters.ts";
import { respond } from "../respond.ts";
import { chosenAttempts } from "./chosen-attempts.ts";
import { unknownRun } from "./runs.ts";

export function probeRoutes(runs: Runs, store: Store): Hono {
  const routes = new Hono();
  routes.get("/runs/:id/probe", async (context) => {
    const { id: run } = runs.description(context.req.param("id")) ?? unknownRun(context.req.param("id"));
    const { step, attempt } = readParameters(probeParameters, new URL(context.req.url).searchParams);
    const attempts = chosenAttempts(attempt, run, runs);
    return respond(
      context,
      v1.Probe,
      await queryProbe({ run, step, attempts, exists: store.existing(run) }, store.database),
    );
  });
  return routes;
}
