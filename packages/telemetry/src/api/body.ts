// Bodies of requests: JSON, small, and checked.
import type { HonoRequest, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { z } from "zod";
import { Refusal, RequestError } from "./respond.ts";

/** @param most bytes */
export function limitedBody(most: number): MiddlewareHandler {
  const onError = (): never => {
    throw new Refusal(413, "body", `the body is too large: must be at most ${most} bytes`);
  };
  return bodyLimit({ maxSize: most, onError });
}

/**
 * A form on another site can send text, not JSON.
 *
 * @param form what the body looks like, for whoever sent something else
 */
export async function bodyOf<Schema extends z.ZodType>(
  request: HonoRequest,
  schema: Schema,
  form: string,
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
