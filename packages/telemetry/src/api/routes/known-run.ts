// The run that a path names.
import type { v1 } from "@moescope/proto";
import type { Runs } from "../../store/runs/runs.ts";
import { RequestError } from "../errors.ts";

export const UNKNOWN_RUN = { 404: "There is no such run." };

/** @throws RequestError (404) when there is no such run */
export function knownRun(id: string, runs: Runs): v1.RunDescription {
  return runs.description(id) ?? unknownRun(id);
}

export function unknownRun(id: string): never {
  throw new RequestError(404, `there is no run ${JSON.stringify(id)}; GET /api/v1/runs lists them`);
}
