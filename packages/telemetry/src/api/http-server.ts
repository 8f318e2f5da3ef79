// The HTTP side of the collector: the API under /api/v1, the dashboard everywhere else.
import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import type { Logger } from "pino";
import type { Alerts } from "../alerts/alerts.ts";
import type { FanOut } from "../live/fan-out.ts";
import type { Runs } from "../store/runs.ts";
import type { Store } from "../store/store.ts";
import { alertRoutes } from "./alerts.ts";
import { dashboardRoutes } from "./dashboard.ts";
import { historyRoutes } from "./history.ts";
import { messageRoutes } from "./messages.ts";
import { probeRoutes } from "./probe.ts";
import { RequestError } from "./respond.ts";
import { runRoutes } from "./runs.ts";
import { security } from "./security.ts";
import { liveRoutes } from "./stream.ts";

export interface ApiContext {
  runs: Runs;
  store: Store;
  alerts: Alerts;
  fanOut: FanOut;
  /** Settles when nothing of the run is left, with false when it is being reported. */
  deleteRun: (run: string) => Promise<boolean>;
  dashboardDirectory: string | undefined;
  log: Logger;
}

export class HttpServer {
  readonly #app: Hono;
  #server: Server | undefined;

  constructor(context: ApiContext) {
    this.#app = application(context);
  }

  /** @returns the port listened on */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const server = serve({ fetch: this.#app.fetch, hostname: host, port }, (info) => resolve(info.port)) as Server;
      server.once("error", reject);
      this.#server = server;
    });
  }

  /** Finishes what is being answered for at most half a second. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      // A viewer that does not read would hold its connection for ever.
      const timer = setTimeout(() => server.closeAllConnections(), 500);
      server.close(() => {
        clearTimeout(timer);
        resolve();
      });
      server.closeIdleConnections();
    });
  }
}

function application({ runs, store, alerts, fanOut, deleteRun, dashboardDirectory, log }: ApiContext): Hono {
  const api = new Hono();
  api.use(async (context, next) => {
    await next();
    context.header("Cache-Control", "no-store");
  });
  for (const routes of [
    runRoutes(runs, deleteRun),
    messageRoutes(runs, store),
    historyRoutes(runs, store),
    probeRoutes(runs, store),
    alertRoutes(runs, alerts),
    liveRoutes(fanOut),
  ]) {
    api.route("/", routes);
  }
  api.all("*", (context) => {
    throw new RequestError(404, `there is no ${context.req.method} ${context.req.path}`);
  });

  const app = new Hono();
  app.use(security());
  app.route("/api/v1", api);
  app.route("/", dashboardRoutes(dashboardDirectory));
  app.onError((error, context) => {
    const status = error instanceof RequestError ? error.status : 500;
    if (status === 500) log.error({ error, path: context.req.path }, "request failed");
    const message = status === 500 ? "the collector failed to answer; its log says why" : error.message;
    return context.json({ error: { message } }, status);
  });
  return app;
}
