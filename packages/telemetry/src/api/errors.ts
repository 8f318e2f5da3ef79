// What a request that fails is answered: a status, and a sentence as JSON.
import type { HttpBindings } from "@hono/node-server";
import type { ErrorHandler } from "hono";
import type { Logger } from "pino";
import type { Condition } from "../operations/condition.ts";
import type { Refusals } from "../operations/refusals.ts";
import type { JsonSchema } from "./openapi/json-schema.ts";

/** A request that cannot be answered; its message is shown to the caller. */
export class RequestError extends Error {
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 429 | 503;

  constructor(status: RequestError["status"], message: string) {
    super(message);
    this.status = status;
  }
}

/** A request that is turned away, whatever it asks for; it is counted under its reason. */
export class Refusal extends RequestError {
  readonly reason: "host" | "origin" | "token" | "role" | "guesses" | "rate" | "busy" | "viewers" | "body";

  constructor(status: RequestError["status"], reason: Refusal["reason"], message: string) {
    super(status, message);
    this.reason = reason;
  }
}

/** The form of every error. */
export const ERROR_SCHEMA: JsonSchema = {
  type: "object",
  properties: {
    error: { type: "object", properties: { message: { type: "string" } }, required: ["message"] },
  },
  required: ["error"],
};

/** Answers what was thrown. An error that is no RequestError is the collector's own: its message goes to the log alone. */
export function errorAnswer(
  refusals: Refusals,
  log: Logger,
  condition: Pick<Condition, "stopping">,
): ErrorHandler<{ Bindings: HttpBindings }> {
  return (error, { req, env, json }) => {
    // The store is taken from requests that are still being answered.
    const broken = condition.stopping ? 503 : 500;
    const status = error instanceof RequestError ? error.status : broken;
    if (status === 500) log.error({ error, path: req.path }, "request failed");
    const address = env.incoming.socket.remoteAddress;
    if (error instanceof Refusal) refusals.add(error.reason, { address, why: error.message });
    const message = error instanceof RequestError ? error.message : FAILED[broken];
    return json({ error: { message } }, status);
  };
}

/** What is told of a failure that is not the request's. */
const FAILED = {
  500: "the collector failed to answer; its log says why",
  503: "the collector is stopping",
};
