// GET /runs/:id/messages: a run as its ranks sent it, length-delimited ReportRequests; what sends them to a collector restores the run.
import { v1 } from "@moescope/proto";
import { runMessages } from "../../store/reading/run-messages.ts";
import type { Runs } from "../../store/runs/runs.ts";
import type { Store } from "../../store/store.ts";
import { stream } from "../answers.ts";
import { type Route, route } from "../route.ts";
import { knownRun, UNKNOWN_RUN } from "./known-run.ts";

export function readMessages(runs: Runs, store: Store): Route {
  return route(
    {
      method: "get",
      path: "/api/v1/runs/{id}/messages",
      summary: "The run as its ranks sent it.",
      right: "read",
      answer: stream(v1.ReportRequest),
      errors: UNKNOWN_RUN,
    },
    ({ id }) => {
      const run = knownRun(id, runs);
      const messages = runMessages({ run, exists: store.existing(id) }, store.database);
      const annotation = runs.summary(id)?.annotation;
      return encoded({ run, ...(annotation && { annotation }) }, messages);
    },
  );
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
