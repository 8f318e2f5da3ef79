// GET /live: an endless stream of length-delimited LiveEvents.
import { Hono } from "hono";
import type { FanOut } from "../../live/fan-out.ts";
import { liveParameters, readParameters } from "../parameters.ts";
import { PROTOBUF, Refusal } from "../respond.ts";

/** @param most viewers at one time; each may have a queue of some megabytes */
export function liveRoutes(fanOut: FanOut, most: number): Hono {
  const routes = new Hono();
  routes.get("/live", async (context) => {
    const parameters = readParameters(liveParameters, new URL(context.req.url).searchParams);
    if (fanOut.viewers >= most)
      throw new Refusal(503, "viewers", `${most} viewers watch already; one has to leave first`);
    const { events } = fanOut.subscribe(parameters);
    // The body of a HEAD request is dropped unread, so its viewer would stay for ever.
    if (context.req.method === "HEAD") await events.cancel();
    return context.body(events, 200, { "Content-Type": PROTOBUF, "X-Accel-Buffering": "no" });
  });
  return routes;
}
