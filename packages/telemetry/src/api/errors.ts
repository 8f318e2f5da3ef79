// What a request that fails is answered: a status, and a sentence as JSON.
import type { HttpBindings } from "@hono/node-server";
import type { ErrorHandler } from "hono";
import type { Logger } from "pino";
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
  readonly reason: "host" | "origin" | "token" | "role" | "rate" | "busy" | "viewers" | "body";

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
export function errorAnswer(refusals: Refusals, log: Logger): ErrorHandler<{ Bindings: HttpBindings }> {
  return (error, { req, env, json }) => {
    const status = error instanceof RequestError ? error.status : 500;
    if (status === 500) log.error({ error, path: req.path }, "request failed");
    const address = env.incoming.socket.remoteAddress;
    if (error instanceof Refusal) refusals.add(error.reason, { address, why: error.message });
    const message = status === 500 ? "the collector failed to answer; its log says why" : error.message;
    return json({ error: { message } }, status);
  };
}
