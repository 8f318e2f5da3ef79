// /healthz, /readyz and /metrics: for those who look after the collector, not after the runs.
import { Hono, type MiddlewareHandler } from "hono";
import type { Condition } from "../../operations/condition.ts";
import type { PrometheusMetrics } from "../../operations/prometheus.ts";

export interface Operations {
  condition: Condition;
  metrics: PrometheusMetrics;
}

/** @param mayRead lets only those through who may see numbers of runs; health tells nothing and is for everyone */
export function operationRoutes({ condition, metrics }: Operations, mayRead: MiddlewareHandler): Hono {
  const routes = new Hono();
  routes.get("/healthz", (context) => context.text("ok\n"));
  routes.get("/readyz", (context) => {
    const { trouble } = condition;
    return trouble === undefined ? context.text("ready\n") : context.text(`${trouble}\n`, 503);
  });
  routes.get("/metrics", mayRead, async (context) => {
    const { contentType, text } = await metrics.write();
    return context.body(text, 200, { "Content-Type": contentType });
  });
  return routes;
}
