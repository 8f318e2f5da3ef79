// Every route of the collector's HTTP side, and what a request passes before it gets there.
import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import type { Logger } from "pino";
import type { Alerts } from "../alerts/alerts.ts";
import type { CollectorConfig } from "../config.ts";
import type { FanOut } from "../live/fan-out.ts";
import type { Refusals } from "../operations/refusals.ts";
import type { Runs } from "../store/runs/runs.ts";
import type { Store } from "../store/store.ts";
import { type Access, requires } from "./access.ts";
import { alertRoutes } from "./alerts.ts";
import { dashboardRoutes } from "./dashboard.ts";
import { historyRoutes } from "./history.ts";
import { limitedAtOnce, limitedRate } from "./limits.ts";
import { asksToLogIn, loginRoutes } from "./login.ts";
import { messageRoutes } from "./messages.ts";
import { openApiRoutes } from "./openapi.ts";
import { type Operations, operationRoutes } from "./operations.ts";
import { probeRoutes } from "./probe.ts";
import { Refusal, RequestError } from "./respond.ts";
import { type RunChanges, runRoutes } from "./runs.ts";
import { type Reach, security } from "./security.ts";
import { sessionRoutes } from "./session.ts";
import { liveRoutes } from "./stream.ts";
import { API_VERSION } from "./version.ts";

export interface ApiContext {
  runs: Runs;
  store: Store;
  alerts: Alerts;
  fanOut: FanOut;
  runChanges: RunChanges;
  dashboardDirectory: string | undefined;
  access: Access;
  reach: Reach;
  operations: Operations;
  limits: CollectorConfig["limits"];
  refusals: Refusals;
  log: Logger;
}

/** What is told of a failure that is not the request's. */
const FAILED = {
  500: "the collector failed to answer; its log says why",
  503: "the collector is stopping",
};

export function application(context: ApiContext): Hono {
  const { access, reach, refusals, log, operations } = context;
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(security(reach), limitedRate(context.limits.requestsPerSecond));
  app.route("/", operationRoutes(context.operations, requires("read", access)));
  app.route("/api/v1", api(context));
  app.route("/", loginRoutes());
  app.use(asksToLogIn(access));
  app.route("/", dashboardRoutes(context.dashboardDirectory));
  app.onError((error, { req, env, json }) => {
    // The store is taken from requests that are still being answered.
    const broken = operations.condition.stopping ? 503 : 500;
    const status = error instanceof RequestError ? error.status : broken;
    if (status === 500) log.error({ error, path: req.path }, "request failed");
    const address = (env as HttpBindings).incoming.socket.remoteAddress;
    if (error instanceof Refusal) refusals.add(error.reason, { address, why: error.message });
    const message = error instanceof RequestError ? error.message : FAILED[broken];
    return json({ error: { message } }, status);
  });
  return app as unknown as Hono;
}

function api({ runs, store, alerts, fanOut, runChanges, access, reach, limits }: ApiContext): Hono {
  const routes = new Hono();
  routes.use(async (context, next) => {
    context.header("Cache-Control", "no-store");
    context.header("Moescope-Api-Version", API_VERSION);
    await next();
  });
  routes.route("/", sessionRoutes(access, reach.tls));
  routes.route("/", openApiRoutes());
  routes.on(["GET", "HEAD"], "*", requires("read", access));
  routes.put("*", requires("annotate", access));
  routes.delete("*", requires("delete", access));
  // Answered as long as somebody watches, so not one of the requests that are answered at one time.
  routes.route("/", liveRoutes(fanOut, limits.viewers));
  routes.use(limitedAtOnce(limits.requests));
  for (const of of [
    runRoutes(runs, runChanges),
    messageRoutes(runs, store),
    historyRoutes(runs, store),
    probeRoutes(runs, store),
    alertRoutes(runs, alerts),
  ]) {
    routes.route("/", of);
  }
  routes.all("*", (context) => {
    throw new RequestError(404, `there is no ${context.req.method} ${context.req.path}`);
  });
  return routes;
}
