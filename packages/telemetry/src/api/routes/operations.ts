// /healthz, /readyz and /metrics: for those who look after the collector, not after the runs.
import type { Condition } from "../../operations/condition.ts";
import type { PrometheusMetrics } from "../../operations/prometheus.ts";
import { text } from "../answers.ts";
import { RequestError } from "../errors.ts";
import { type Route, route } from "../route.ts";

/** Health tells nothing of runs, so it is for everyone. */
export function healthz(): Route {
  return route(
    { method: "get", path: "/healthz", summary: "The process answers.", right: "open", answer: text },
    () => ({ text: "ok\n" }),
  );
}

export function readyz(condition: Condition): Route {
  return route(
    {
      method: "get",
      path: "/readyz",
      summary: "The collector takes in runs.",
      right: "open",
      answer: text,
      errors: { 503: "It is stopping, or its store refuses data." },
    },
    () => {
      if (condition.trouble !== undefined) throw new RequestError(503, condition.trouble);
      return { text: "ready\n" };
    },
  );
}

export function metrics(numbers: PrometheusMetrics): Route {
  return route(
    { method: "get", path: "/metrics", summary: "Numbers for Prometheus.", right: "read", answer: text },
    () => numbers.write(),
  );
}
