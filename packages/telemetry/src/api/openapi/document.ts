// Routes as an OpenAPI document: parameters and bodies from the definitions that check them, messages from their schema.
import type { z } from "zod";
import { ERROR_SCHEMA } from "../errors.ts";
import type { RouteDescription } from "../route.ts";
import { API_VERSION } from "../version.ts";
import { inputSchema, type JsonSchema } from "./json-schema.ts";
import { messageSchemas, readSchema } from "./message-schemas.ts";

const INFO = {
  title: "moescope collector",
  version: API_VERSION,
  description:
    "What the routers of Mixture-of-Experts models did while they trained. New routes, parameters and fields may be added at any time; what is taken away or changes its meaning gets a new path, /api/v2.",
};

const SECURITY_SCHEMES = {
  bearer: { type: "http", scheme: "bearer" },
  session: { type: "apiKey", in: "cookie", name: "moescope-session" },
};

/** Parameters of paths by name. A run of another form is as unknown as any: 404. */
const PATH_PARAMETERS: Record<string, { description: string; schema: JsonSchema }> = {
  id: { description: "Id of a run.", schema: { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" } },
};

/** What every route may answer. */
const EVERYWHERE = {
  400: "A parameter or the body is wrong; the message names it, its value and what was expected.",
  401: "A token is needed.",
  403: "The token does not allow this, or another site asks.",
  429: "Too many requests from one address.",
  503: "Too much is asked of the collector at this time.",
};

/** @returns OpenAPI 3.1 */
export function openApiDocument(routes: readonly RouteDescription[]): Record<string, unknown> {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) paths[route.path] = { ...paths[route.path], [route.method]: operation(route) };
  const messages = routes.flatMap(({ answer }) => answer.message ?? []);
  return {
    openapi: "3.1.0",
    info: INFO,
    security: Object.keys(SECURITY_SCHEMES).map((name) => ({ [name]: [] })),
    paths,
    components: {
      securitySchemes: SECURITY_SCHEMES,
      schemas: { ...messageSchemas(readSchema(), messages), Error: ERROR_SCHEMA },
    },
  };
}

function operation({ method, path, summary, parameters, body, answer, errors, right }: RouteDescription): object {
  const { status, description = summary, content } = answer;
  return {
    operationId: operationId(method, path),
    summary,
    ...(right === "open" && { security: [] }),
    parameters: [...pathParameters(path), ...(parameters === undefined ? [] : queryParameters(parameters))],
    ...(body !== undefined && {
      requestBody: { required: true, content: contentOf({ "application/json": inputSchema(body.schema) }) },
    }),
    responses: {
      [status]: { description, ...(content !== undefined && { content: contentOf(content) }) },
      ...errorResponses({ ...EVERYWHERE, ...errors }),
    },
  };
}

/** As in `getRunsIdHistory`. */
function operationId(method: string, path: string): string {
  const words = path.replace(/^\/api\/v1/, "").replace(/[/{}.]+(\w?)/g, (_, next: string) => next.toUpperCase());
  return `${method}${words}`;
}

function pathParameters(path: string): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => {
    const parameter = PATH_PARAMETERS[name!];
    if (parameter === undefined) throw new Error(`the path ${path} has the parameter ${name}, which is not described`);
    return { name, in: "path", required: true, ...parameter };
  });
}

function queryParameters(parameters: z.ZodObject): object[] {
  const { properties = {} } = inputSchema(parameters) as { properties?: Record<string, JsonSchema> };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    ...{ name, in: "query", required: false, description, schema },
  }));
}

function errorResponses(errors: Record<number, string>): object {
  const content = contentOf({ "application/json": { $ref: "#/components/schemas/Error" } });
  return Object.fromEntries(Object.entries(errors).map(([status, description]) => [status, { description, content }]));
}

function contentOf(schemas: Readonly<Record<string, JsonSchema>>): object {
  return Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [type, { schema }]));
}
