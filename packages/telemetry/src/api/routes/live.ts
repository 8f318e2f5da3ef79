// GET /live: an endless stream of length-delimited LiveEvents.
import { v1 } from "@moescope/proto";
import { z } from "zod";
import type { FanOut } from "../../live/fan-out.ts";
import { stream } from "../answers.ts";
import { Refusal } from "../errors.ts";
import { oneOf } from "../parameters.ts";
import { type Route, route } from "../route.ts";
import { layers } from "./run-parameters.ts";

const PARAMETERS = z.strictObject({
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

/** @param most viewers at one time; each may have a queue of some megabytes */
export function watchLive(fanOut: FanOut, most: number): Route {
  return route(
    {
      method: "get",
      path: "/api/v1/live",
      summary: "What happens from now on; does not end by itself.",
      right: "read",
      parameters: PARAMETERS,
      answer: stream(v1.LiveEvent),
    },
    ({ query }, context) => {
      if (fanOut.viewers >= most) {
        throw new Refusal(503, "viewers", `${most} viewers watch already; one has to leave first`);
      }
      context.header("X-Accel-Buffering", "no");
      return fanOut.subscribe(query).events;
    },
  );
}
