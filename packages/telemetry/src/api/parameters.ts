// Query parameters, checked one by one: an error names the parameter, its value and what was expected.
import { z } from "zod";
import { RequestError } from "./errors.ts";

/** A number in decimal digits. */
export function wholeNumber(min = 0, max = Number.MAX_SAFE_INTEGER) {
  return digits(min, max).transform(Number);
}

/** A number in decimal digits, which may be left out. */
export function wholeNumberOr(left: number, min: number, max: number) {
  return digits(min, max).default(String(left)).meta({ default: left }).transform(Number);
}

function digits(min: number, max: number) {
  const fits = (text: string) => /^\d{1,16}$/.test(text) && Number(text) >= min && Number(text) <= max;
  return z
    .string()
    .refine(fits, `must be a whole number from ${min} to ${max}`)
    .meta({ type: "integer", minimum: min, maximum: max });
}

export function oneOf<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z.enum(names, `must be one of ${names.join(", ")}`);
}

/** @throws RequestError (400) for the first parameter that is unknown, repeated or wrong */
export function readParameters<Schema extends z.ZodObject>(schema: Schema, query: URLSearchParams): z.output<Schema> {
  const given = Object.fromEntries(query);
  for (const name of query.keys()) refuseRepeated(name, query.getAll(name));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  if (issue.code === "unrecognized_keys") {
    const known = Object.keys(schema.shape).join(", ");
    throw new RequestError(400, `parameter ${JSON.stringify(issue.keys[0])} is unknown: expected one of ${known}`);
  }
  const name = String(issue.path[0]);
  throw new RequestError(400, `parameter ${name} is ${JSON.stringify(given[name])}: ${issue.message}`);
}

function refuseRepeated(name: string, values: readonly string[]): void {
  if (values.length === 1) return;
  const all = values.map((value) => JSON.stringify(value)).join(" and ");
  throw new RequestError(400, `parameter ${JSON.stringify(name)} is ${all}: expected one value`);
}
