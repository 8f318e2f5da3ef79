// GET /runs/:id/probe: what the newest probe at or before a step found.
import { v1 } from "@moescope/proto";
import { z } from "zod";
import { queryProbe } from "../../store/reading/probes.ts";
import type { Runs } from "../../store/runs/runs.ts";
import type { Store } from "../../store/store.ts";
import { message } from "../answers.ts";
import { wholeNumber } from "../parameters.ts";
import { type Route, route } from "../route.ts";
import { chosenAttempts } from "./chosen-attempts.ts";
import { knownRun, UNKNOWN_RUN } from "./known-run.ts";
import { attempt } from "./run-parameters.ts";

const PARAMETERS = z.strictObject({
  step: wholeNumber().default(Number.MAX_SAFE_INTEGER).describe("The newest probe at or before it."),
  attempt,
});

export function readProbe(runs: Runs, store: Store): Route {
  return route(
    {
      method: "get",
      path: "/api/v1/runs/{id}/probe",
      summary: "What the newest probe at or before a step found.",
      right: "read",
      parameters: PARAMETERS,
      answer: message(v1.Probe),
      errors: UNKNOWN_RUN,
    },
    ({ id, query: { step, attempt } }) => {
      const { id: run } = knownRun(id, runs);
      const attempts = chosenAttempts(attempt, runs.attempts(run));
      return queryProbe({ run, step, attempts, exists: store.existing(run) }, store.database);
    },
  );
}
