// GET /runs/:id/messages: a run as its ranks sent it, length-delimited ReportRequests; what sends them to a collector restores the run.
import { v1 } from "@moescope/proto";
import { Hono } from "hono";
import { runMessages } from "../../store/reading/run-messages.ts";
import type { Runs } from "../../store/runs/runs.ts";
import type { Store } from "../../store/store.ts";
import { PROTOBUF } from "../respond.ts";
import { unknownRun } from "./runs.ts";

export function messageRoutes(runs: Runs, store: Store): Hono {
  const routes = new Hono();
  routes.get("/runs/:id/messages", (context) => {
    const run = runs.description(context.req.param("id")) ?? unknownRun(context.req.param("id"));
    const messages = runMessages({ run, exists: store.existing(run.id) }, store.database);
    const annotation = runs.summary(run.id)?.annotation;
    const hello = { run, ...(annotation && { annotation }) };
    return context.body(encoded(hello, messages), 200, { "Content-Type": PROTOBUF });
  });
  return routes;
}

/**
 * A reader that stops makes the store stop reading.
 *
 * @param hello the description, and what people have written; without rank and attempt
 */
function encoded(
  hello: v1.Hello.$Properties,
  messages: AsyncGenerator<v1.ReportRequest.$Properties>,
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => controller.enqueue(v1.ReportRequest.encodeDelimited({ hello }).finish()),
    pull: async (controller) => {
      const { value, done } = await messages.next();
      if (done) controller.close();
      else controller.enqueue(v1.ReportRequest.encodeDelimited(value).finish());
    },
    cancel: async () => void (await messages.return(undefined)),
  });
}
