// Bodies of requests: JSON, small, and checked.
import type { HonoRequest, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { z } from "zod";
import { Refusal, RequestError } from "./errors.ts";

export interface JsonBody<Schema extends z.ZodType> {
  schema: Schema;
  /** What the body looks like, for whoever sent something else. */
  form: string;
  mostBytes: number;
}

export const BODY_ERRORS = { 413: "The body is too large.", 415: "The body is not JSON." };

export function limitedBody({ mostBytes }: JsonBody<z.ZodType>): MiddlewareHandler {
  const onError = (): never => {
    throw new Refusal(413, "body", `the body is too large: must be at most ${mostBytes} bytes`);
  };
  return bodyLimit({ maxSize: mostBytes, onError });
}

/** A form on another site can send text, not JSON. */
export async function readBody<Schema extends z.ZodType>(
  request: HonoRequest,
  { schema, form }: JsonBody<Schema>,
): Promise<z.output<Schema>> {
  const type = request.header("Content-Type") ?? "";
  if (!/^application\/json\b/i.test(type)) {
    throw new Refusal(415, "body", `Content-Type is ${JSON.stringify(type)}: must be application/json`);
  }
  const parsed = schema.safeParse(await request.json().catch(() => undefined));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.length ? `: ${issue.path.join(".")}: ${issue.message}` : "";
  throw new RequestError(400, `the body is not ${form}${where}`);
}
