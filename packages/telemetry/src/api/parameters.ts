// Query parameters of the API, checked one by one: an error names the parameter, its value and what is allowed.
// The same definitions describe them in openapi.json.
import { v1 } from "@moescope/proto";
import { z } from "zod";
import { ANNOTATION_LIMITS } from "../store/runs/annotation-table.ts";
import { RequestError } from "./respond.ts";

const wholeNumber = (allowed: string, max = Number.MAX_SAFE_INTEGER, min = 0) =>
  z
    .string()
    .refine((text) => /^\d{1,16}$/.test(text) && Number(text) >= min && Number(text) <= max, `allowed is ${allowed}`)
    .meta({ type: "integer", minimum: min, maximum: max })
    .transform(Number);

const SPLITS = { train: v1.Split.TRAIN, eval: v1.Split.EVAL, probe: v1.Split.PROBE };

const split = z
  .enum(["train", "eval", "probe"], "allowed are train, eval, probe")
  .default("train")
  .transform((name) => SPLITS[name]);

const layers = z
  .string()
  .regex(/^(none|all|\d{1,9}(,\d{1,9})*)$/, "allowed are none, all, or layer numbers like 0,3,5")
  .default("none")
  .transform((text) => (text === "none" || text === "all" ? text : [...new Set(text.split(",").map(Number))]));

const attempt = wholeNumber("the number of an attempt", 0xffffffff)
  .optional()
  .describe("Steps of this attempt; without it, at every step those of the newest attempt that has got there.");

export const historyParameters = z.strictObject({
  split: split.describe("What the steps were for."),
  from: wholeNumber("a step from 0").optional().describe("First step; without it that of the run."),
  to: wholeNumber("a step from 0").optional().describe("Last step, included; without it the newest."),
  points: wholeNumber("1 to 2000", 2000, 1).default(400).describe("At most so many buckets."),
  layers: layers.describe("Layers whose counts are wanted."),
  metrics: z
    .enum(["all", "chosen"], "allowed are all, chosen")
    .default("all")
    .describe("`chosen`: MaxVio and the like of the layers in `layers` alone, in place of those of every layer."),
  categories: z
    .enum(["each", "together"], "allowed are each, together")
    .default("each")
    .describe("`together`: one load for all categories of a layer, their sum, in place of one for each."),
  attempt,
});

export const probeParameters = z.strictObject({
  step: wholeNumber("a step from 0").default(Number.MAX_SAFE_INTEGER).describe("The newest probe at or before it."),
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
    .regex(/^[A-Za-z0-9._,-]{1,10000}$/, "allowed are all, or run ids like a,b")
    .default("all")
    .transform((text) => (text === "all" ? ("all" as const) : new Set(text.split(","))))
    .describe("Runs to follow, also those that appear later."),
  layers: layers.describe("Layers whose counts every step carries; metrics come for all."),
  newest: z
    .enum(["none", "all"], "allowed are none, all")
    .default("none")
    .transform((name) => name === "all")
    .describe(
      "`all`: the newest step carries the counts of all layers; of steps that wait for the viewer, that alone.",
    ),
});

/** The body with which a browser logs in. */
export const sessionRequest = z.strictObject({ token: z.string().min(1).max(1024) });

/** @throws RequestError (400) for the first parameter that is not allowed */
export function readParameters<T extends z.ZodObject>(schema: T, query: Record<string, string>): z.output<T> {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  if (issue.code === "unrecognized_keys") {
    const allowed = Object.keys(schema.shape).join(", ");
    throw new RequestError(400, `parameter ${issue.keys[0]} is unknown; allowed are ${allowed}`);
  }
  const name = String(issue.path[0]);
  throw new RequestError(400, `parameter ${name} is ${JSON.stringify(query[name])}: ${issue.message}`);
}
