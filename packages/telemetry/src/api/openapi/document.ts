// GET /openapi.json: the HTTP API described, from the definitions that check its requests and the schema of its answers.
import { Hono } from "hono";
import { z } from "zod";
import {
  annotationRequest,
  historyParameters,
  liveParameters,
  probeParameters,
  sessionRequest,
} from "../parameters.ts";
import { PROTOBUF } from "../respond.ts";
import { API_VERSION } from "../version.ts";
import { type JsonSchema, messageSchemas, readSchema } from "./message-schemas.ts";

interface Operation {
  method: "get" | "post" | "put" | "delete";
  path: string;
  summary: string;
  parameters?: z.ZodObject;
  body?: z.ZodObject;
  /** Name of the message it answers with; or of those it answers with one after another, each after its length as a varint. */
  message?: string;
  stream?: string;
  /** What else it answers with; neither of the three: 204, nothing. */
  json?: JsonSchema;
  text?: true;
  /** Answered to everyone. */
  open?: true;
  /** Statuses of errors, besides those that every operation has. */
  errors?: Record<number, string>;
}

const BODY_ERRORS = { 413: "The body is too large.", 415: "The body is not JSON." };
const UNKNOWN_RUN = { 404: "There is no such run." };
const SESSION: JsonSchema = {
  type: "object",
  properties: {
    required: { type: "boolean", description: "Whether the collector asks for a token." },
    role: { enum: ["write", "read", "both", "admin", null], description: "What the one who asks may do." },
  },
  required: ["required", "role"],
};

export const OPERATIONS: readonly Operation[] = [
  { method: "get", path: "/api/v1/runs", summary: "All runs, the newest first.", message: "RunList" },
  { method: "get", path: "/api/v1/runs/{id}", summary: "One run.", message: "RunSummary", errors: UNKNOWN_RUN },
  {
    ...{ method: "delete", path: "/api/v1/runs/{id}", summary: "Deletes a run that nobody reports." },
    errors: { ...UNKNOWN_RUN, 409: "The run is being reported." },
  },
  {
    ...{ method: "put", path: "/api/v1/runs/{id}/annotation", summary: "Writes on a run what everybody sees." },
    ...{ body: annotationRequest, errors: { ...UNKNOWN_RUN, ...BODY_ERRORS } },
  },
  {
    ...{ method: "get", path: "/api/v1/runs/{id}/history", summary: "A range of steps, in buckets of a power of two." },
    ...{ parameters: historyParameters, message: "History", errors: UNKNOWN_RUN },
  },
  {
    ...{ method: "get", path: "/api/v1/runs/{id}/probe", summary: "What the newest probe at or before a step found." },
    ...{ parameters: probeParameters, message: "Probe", errors: UNKNOWN_RUN },
  },
  {
    ...{ method: "get", path: "/api/v1/runs/{id}/alerts", summary: "What has gone wrong with a run, in order." },
    ...{ message: "AlertList", errors: UNKNOWN_RUN },
  },
  {
    ...{ method: "get", path: "/api/v1/runs/{id}/messages", summary: "The run as its ranks sent it." },
    ...{ stream: "ReportRequest", errors: UNKNOWN_RUN },
  },
  {
    ...{ method: "get", path: "/api/v1/live", summary: "What happens from now on; does not end by itself." },
    ...{ parameters: liveParameters, stream: "LiveEvent" },
  },
  { method: "get", path: "/api/v1/session", summary: "What the one who asks may do.", json: SESSION, open: true },
  {
    ...{ method: "post", path: "/api/v1/session", summary: "Logs a browser in: the answer sets a cookie.", open: true },
    ...{ body: sessionRequest, json: SESSION, errors: BODY_ERRORS },
  },
  { method: "delete", path: "/api/v1/session", summary: "Logs a browser out.", open: true },
  { method: "get", path: "/api/v1/openapi.json", summary: "This description.", json: { type: "object" }, open: true },
  { method: "get", path: "/healthz", summary: "The process answers.", text: true, open: true },
  {
    ...{ method: "get", path: "/readyz", summary: "The collector takes in runs.", text: true, open: true },
    errors: { 503: "It is stopping, or its store refuses data." },
  },
  { method: "get", path: "/metrics", summary: "Numbers for Prometheus.", text: true },
];

let written: object | undefined;

export function openApiRoutes(): Hono {
  const routes = new Hono();
  routes.get("/openapi.json", (context) => {
    written ??= description();
    return context.json(written);
  });
  return routes;
}

function description(): object {
  const names = OPERATIONS.flatMap(({ message, stream }) => message ?? stream ?? []);
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of OPERATIONS) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: operationObject(operation) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "moescope collector",
      version: API_VERSION,
      description:
        "What the routers of Mixture-of-Experts models did while they trained. New routes, parameters and fields may be added at any time; what is taken away or changes its meaning gets a new path, /api/v2.",
    },
    security: [{ bearer: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        session: { type: "apiKey", in: "cookie", name: "moescope-session" },
      },
      schemas: { ...messageSchemas(readSchema(), names), Error: ERROR },
    },
  };
}

const ERROR: JsonSchema = {
  type: "object",
  properties: {
    error: { type: "object", properties: { message: { type: "string" } }, required: ["message"] },
  },
  required: ["error"],
};

function operationObject({ method, path, summary, parameters, body, errors, open, ...answer }: Operation): object {
  return {
    operationId: `${method}${path.replace(/^\/api\/v1/, "").replace(/[/{}.]+(\w?)/g, (_, next: string) => next.toUpperCase())}`,
    summary,
    ...(open && { security: [] }),
    parameters: [...pathParameters(path), ...(parameters === undefined ? [] : queryParameters(parameters))],
    ...(body !== undefined && {
      requestBody: { required: true, content: { "application/json": { schema: schemaOf(body) } } },
    }),
    responses: { ...answerObject(summary, answer), ...errorObjects({ ...EVERYWHERE, ...errors }) },
  };
}

const EVERYWHERE = {
  400: "A parameter or the body is wrong; the message names it, its value and what was expected.",
  401: "A token is needed.",
  403: "The token does not allow this, or another site asks.",
  429: "Too many requests from one address.",
  503: "Too much is asked of the collector at this time.",
};

function pathParameters(path: string): object[] {
  const schema = { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" };
  return path.includes("{id}") ? [{ name: "id", in: "path", required: true, description: "Id of a run.", schema }] : [];
}

function queryParameters(parameters: z.ZodObject): object[] {
  const { properties = {} } = schemaOf(parameters) as { properties?: Record<string, JsonSchema> };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    ...{ name, in: "query", required: false, description, schema },
  }));
}

function schemaOf(definition: z.ZodObject): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(definition, { io: "input" });
  return schema;
}

function answerObject(summary: string, { message, stream, json, text }: Partial<Operation>): object {
  const bytes = { schema: { type: "string", format: "binary" } };
  if (message !== undefined) {
    const schema = { $ref: `#/components/schemas/${message}` };
    return { 200: { description: summary, content: { "application/json": { schema }, [PROTOBUF]: bytes } } };
  }
  if (stream !== undefined) {
    const framing = `Messages moescope.v1.${stream}, each after its length as a varint.`;
    return { 200: { description: framing, content: { [PROTOBUF]: bytes } } };
  }
  if (json !== undefined) return { 200: { description: summary, content: { "application/json": { schema: json } } } };
  if (text) return { 200: { description: summary, content: { "text/plain": { schema: { type: "string" } } } } };
  return { 204: { description: "Done." } };
}

function errorObjects(errors: Record<number, string>): object {
  const content = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };
  return Object.fromEntries(Object.entries(errors).map(([status, description]) => [status, { description, content }]));
}
