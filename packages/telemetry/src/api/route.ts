// A route: what it is asked and what it answers, declared together with the handler that answers it.
import type { Context } from "hono";
import type { z } from "zod";
import type { Right } from "../access/roles.ts";
import type { Answer } from "./answers.ts";
import { type JsonBody, readBody } from "./body.ts";
import { readParameters } from "./parameters.ts";

export interface RouteDescription {
  readonly method: "get" | "post" | "put" | "delete";
  /** With parameters in braces, as in `/api/v1/runs/{id}`. */
  readonly path: string;
  /** A sentence. */
  readonly summary: string;
  /** What whoever asks must have the right to do; `open`: everyone may ask. */
  readonly right: Right | "open";
  /** In the query. Without them the query is ignored. */
  readonly parameters?: z.ZodObject;
  readonly body?: JsonBody<z.ZodType>;
  readonly answer: Answer<never>;
  /** Sentences by status, besides those that every route may answer with. */
  readonly errors?: Readonly<Record<number, string>>;
}

/** A description with the handler that keeps it; made by `route`. */
export interface Route {
  readonly description: RouteDescription;
  readonly handle: (context: Context) => Promise<Response>;
}

/** `{ id: string }` for `/runs/{id}`. */
type PathParameters<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Record<Name, string> & PathParameters<Rest>
  : unknown;

interface Description<Path extends string, Query extends z.ZodObject, Body extends z.ZodType, Value>
  extends RouteDescription {
  readonly path: Path;
  readonly parameters?: Query;
  readonly body?: JsonBody<Body>;
  readonly answer: Answer<Value>;
}

type Asked<Path extends string, Query extends z.ZodObject, Body extends z.ZodType> = PathParameters<Path> & {
  readonly query: z.output<Query>;
  readonly body: z.output<Body>;
};

/** @param handler gets what was asked, checked; the context is for headers, cookies and who asks */
export function route<const Path extends string, Query extends z.ZodObject, Body extends z.ZodType, Value>(
  description: Description<Path, Query, Body, Value>,
  handler: (asked: Asked<Path, Query, Body>, context: Context) => NoInfer<Value> | Promise<NoInfer<Value>>,
): Route {
  const { parameters, body, answer } = description;
  const handle = async (context: Context) => {
    const asked = {
      ...context.req.param(),
      query: parameters && readParameters(parameters, new URL(context.req.url).searchParams),
      body: body && (await readBody(context.req, body)),
    };
    return answer.write(context, await handler(asked as Asked<Path, Query, Body>, context));
  };
  return { description, handle };
}
