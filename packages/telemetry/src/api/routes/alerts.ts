// GET /runs/:id/alerts: what has gone wrong with a run, answered from memory.
import { v1 } from "@moescope/proto";
import type { Alerts } from "../../alerts/alerts.ts";
import type { Runs } from "../../store/runs/runs.ts";
import { message } from "../answers.ts";
import { type Route, route } from "../route.ts";
import { knownRun, UNKNOWN_RUN } from "./known-run.ts";

export function listAlerts(runs: Runs, alerts: Alerts): Route {
  return route(
    {
      method: "get",
      path: "/api/v1/runs/{id}/alerts",
      summary: "What has gone wrong with a run, in order.",
      right: "read",
      answer: message(v1.AlertList),
      errors: UNKNOWN_RUN,
    },
    ({ id }) => ({ alerts: alerts.ofRun(knownRun(id, runs).id) }),
  );
}
