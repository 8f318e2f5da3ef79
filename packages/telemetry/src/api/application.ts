// Every route of the collector's HTTP side in order, and what a request passes before it gets there.
import type { MiddlewareHandler } from "hono";
import type { Logger } from "pino";
import type { Alerts } from "../alerts/alerts.ts";
import type { AnnotateRun } from "../annotate-run.ts";
import type { CollectorConfig } from "../config.ts";
import type { DeleteRun } from "../delete-run.ts";
import type { FanOut } from "../live/fan-out.ts";
import type { Condition } from "../operations/condition.ts";
import type { PrometheusMetrics } from "../operations/prometheus.ts";
import type { Refusals } from "../operations/refusals.ts";
import type { Runs } from "../store/runs/runs.ts";
import type { Store } from "../store/store.ts";
import { errorAnswer, RequestError } from "./errors.ts";
import { type Access, requiresUsual } from "./middleware/access.ts";
import { limitedAtOnce, limitedRate } from "./middleware/limits.ts";
import { type Reach, security } from "./middleware/security.ts";
import { browserPages } from "./pages/pages.ts";
import { Router } from "./router.ts";
import { listAlerts } from "./routes/alerts.ts";
import { readHistory } from "./routes/history.ts";
import { watchLive } from "./routes/live.ts";
import { readMessages } from "./routes/messages.ts";
import { describeApi } from "./routes/openapi.ts";
import { healthz, metrics, readyz } from "./routes/operations.ts";
import { readProbe } from "./routes/probe.ts";
import { annotateRun, deleteRun, listRuns, readRun } from "./routes/runs.ts";
import { logIn, logOut, readSession } from "./routes/session.ts";
import { API_VERSION } from "./version.ts";

export interface ApiContext {
  runs: Runs;
  store: Store;
  alerts: Alerts;
  fanOut: FanOut;
  runChanges: { deleteRun: DeleteRun; annotateRun: AnnotateRun };
  dashboardDirectory: string | undefined;
  access: Access;
  reach: Reach;
  operations: { condition: Condition; metrics: PrometheusMetrics };
  limits: CollectorConfig["limits"];
  refusals: Refusals;
  log: Logger;
}

const API = "/api/v1/*";

export function application(context: ApiContext): Router {
  const { runs, store, alerts, fanOut, runChanges, operations, access, reach, limits } = context;
  const atOnce = limitedAtOnce(limits.requests);
  const router = new Router(access, errorAnswer(context.refusals, context.log, operations.condition));

  router.use("*", security(reach), limitedRate(limits.requestsPerSecond));
  router.add([healthz(), readyz(operations.condition), metrics(operations.metrics)]);

  router.use(API, versioned);
  router.add([readSession(access), logIn(access, reach.tls), logOut(reach.tls)]);
  router.add([describeApi(() => router.descriptions)]);
  // Answered as long as somebody watches, so not one of the requests that are answered at one time.
  router.add([watchLive(fanOut, limits.viewers)]);
  router.add(
    [
      listRuns(runs),
      readRun(runs),
      deleteRun(runs, runChanges.deleteRun),
      annotateRun(runChanges.annotateRun),
      readHistory(runs, store),
      readProbe(runs, store),
      listAlerts(runs, alerts),
      readMessages(runs, store),
    ],
    atOnce,
  );
  router.use(API, requiresUsual(access), atOnce, noSuchRoute);

  router.pages(browserPages(access, context.dashboardDirectory));
  return router;
}

const versioned: MiddlewareHandler = async (context, next) => {
  context.header("Cache-Control", "no-store");
  context.header("Moescope-Api-Version", API_VERSION);
  await next();
};

const noSuchRoute: MiddlewareHandler = ({ req }) => {
  throw new RequestError(404, `there is no ${req.method} ${req.path}`);
};
