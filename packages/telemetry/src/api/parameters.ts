// Query parameters of the API, checked one by one: an error names the parameter, its value and what was expected.
// The same definitions describe them in openapi.json.
import { v1 } from "@moescope/proto";
import { z } from "zod";
import { ANNOTATION_LIMITS } from "../store/runs/annotation-table.ts";
import { RequestError } from "./respond.ts";

const wholeNumber = (min = 0, max = Number.MAX_SAFE_INTEGER) =>
  z
    .string()
    .refine(
      (text) => /^\d{1,16}$/.test(text) && Number(text) >= min && Number(text) <= max,
      `must be a whole number from ${min} to ${max}`,
    )
    .meta({ type: "integer", minimum: min, maximum: max })
    .transform(Number);

const oneOf = <const Names extends readonly [string, ...string[]]>(names: Names) =>
  z.enum(names, `must be one of ${names.join(", ")}`);

const SPLITS = { train: v1.Split.TRAIN, eval: v1.Split.EVAL, probe: v1.Split.PROBE, rollout: v1.Split.ROLLOUT };

const split = oneOf(["train", "eval", "probe", "rollout"])
  .default("train")
  .transform((name) => SPLITS[name]);

const layers = z
  .string()
  .regex(/^(none|all|\d{1,10}(,\d{1,10})*)$/, "must be none, all, or layer numbers like 0,3,5")
  .default("none")
  .transform((text) => (text === "none" || text === "all" ? text : [...new Set(text.split(",").map(Number))]));

const attempt = wholeNumber(0, 0xffffffff)
  .optional()
  .describe("Steps of this attempt; without it, at every step those of the newest attempt that has got there.");

export const historyParameters = z.strictObject({
  split: split.describe("What the steps were for."),
  from: wholeNumber().optional().describe("First step; without it that of the run."),
  to: wholeNumber().optional().describe("Last step, included; without it the newest."),
  points: wholeNumber(1, 2000).default(400).describe("At most so many buckets."),
  layers: layers.describe("Layers whose counts are wanted."),
  metrics: oneOf(["all", "chosen"])
    .default("all")
    .describe("`chosen`: MaxVio and the like of the layers in `layers` alone, in place of those of every layer."),
  categories: oneOf(["each", "together"])
    .default("each")
    .describe("`together`: one load for all categories of a layer, their sum, in place of one for each."),
  attempt,
});

export const probeParameters = z.strictObject({
  step: wholeNumber().default(Number.MAX_SAFE_INTEGER).describe("The newest probe at or before it."),
  attempt,
});

export const annotationRequest = z.strictObject({
  name: z.string().max(ANNOTATION_LIMITS.name).default("").describe("Instead of the run's own; empty for none."),
  tags: z
    .array(z.string().min(1).max(ANNOTATION_LIMITS.tag))
    .max(ANNOTATION_LIMITS.tags)
    .default([])
    .describe("Besides the run's own."),
  notes: z.string().max(ANNOTATION_LIMITS.notes).default(""),
});

export const liveParameters = z.strictObject({
  runs: z
    .string()
    .regex(/^[A-Za-z0-9._,-]{1,10000}$/, "must be all, or run ids like a,b")
    .default("all")
    .transform((text) => (text === "all" ? ("all" as const) : new Set(text.split(","))))
    .describe("Runs to follow, also those that appear later."),
  layers: layers.describe("Layers whose counts every step carries; metrics come for all."),
  newest: oneOf(["none", "all"])
    .default("none")
    .transform((name) => name === "all")
    .describe(
      "`all`: the newest step carries the counts of all layers; of steps that wait for the viewer, that alone.",
    ),
});

/** The body with which a browser logs in. */
export const sessionRequest = z.strictObject({ token: z.string().min(1).max(1024) });

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
