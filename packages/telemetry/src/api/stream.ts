// GET /live: an endless stream of length-delimited LiveEvents.
import { Hono } from "hono";
import type { FanOut } from "../live/fan-out.ts";
import { liveParameters, readParameters } from "./parameters.ts";
import { PROTOBUF } from "./respond.ts";

export function liveRoutes(fanOut: FanOut): Hono {
  const routes = new Hono();
  routes.get("/live", (context) => {
    const viewer = fanOut.subscribe(readParameters(liveParameters, context.req.query()));
    return context.body(viewer.events, 200, { "Content-Type": PROTOBUF, "X-Accel-Buffering": "no" });
  });
  return routes;
}
