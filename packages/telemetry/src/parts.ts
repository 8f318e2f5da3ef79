// Puts the parts of a collector together. None of them does anything before it is started.

import type { StepSum } from "@moescope/metrics";
import type { Logger } from "pino";
import { isClosed, isLoopback } from "./access/exposure.ts";
import { frameAncestors } from "./access/frames.ts";
import { Sessions } from "./access/sessions.ts";
import type { Tls } from "./access/tls.ts";
import type { Tokens } from "./access/tokens.ts";
import { Alerts } from "./alerts/alerts.ts";
import { Webhook } from "./alerts/webhook.ts";
import { runAnnotation } from "./annotate-run.ts";
import { HttpServer } from "./api/http-server.ts";
import { type CollectorConfig, exposureOf } from "./config.ts";
import { newCounters } from "./counters.ts";
import { runDeletion } from "./delete-run.ts";
import { Batcher } from "./ingest/batch.ts";
import { GrpcServer } from "./ingest/grpc-server.ts";
import { Introductions } from "./ingest/introductions.ts";
import { NumberPool } from "./ingest/number-memory.ts";
import { Senders } from "./ingest/senders.ts";
import { FanOut } from "./live/fan-out.ts";
import { Condition } from "./operations/condition.ts";
import { Health } from "./operations/health.ts";
import { PrometheusMetrics } from "./operations/prometheus.ts";
import { Refusals } from "./operations/refusals.ts";
import { Retention } from "./retention.ts";
import { Sharing } from "./sharing.ts";
import type { Database } from "./store/engine/database.ts";
import type { FreeSpace } from "./store/engine/free-space.ts";
import { AlertTable } from "./store/runs/alert-table.ts";
import { AnnotationTable } from "./store/runs/annotation-table.ts";
import { loadRuns } from "./store/runs/load-runs.ts";
import { Runs } from "./store/runs/runs.ts";
import { Store } from "./store/store.ts";

/** What tells those who look after the collector how it is. */
export function observed() {
  const counters = newCounters();
  const health = new Health();
  return { counters, health, condition: new Condition(health), metrics: new PrometheusMetrics(counters) };
}

/** What there is before the parts. */
export interface Base extends ReturnType<typeof observed> {
  config: CollectorConfig;
  log: Logger;
  tls: Tls | undefined;
  tokens: Tokens;
  database: Database;
  freeSpace: FreeSpace;
}

type Stored = Awaited<ReturnType<typeof readStore>>;
type Watching = Awaited<ReturnType<typeof watching>>;
type Intake = ReturnType<typeof intake>;
export type Parts = Awaited<ReturnType<typeof assemble>>;

/** @throws Error when the store cannot be read */
export async function assemble(base: Base) {
  const first = { ...base, ...(await readStore(base)) };
  const second = { ...first, ...(await watching(first)) };
  const third = { ...second, ...intake(second) };
  return { ...third, ...serversOf(third) };
}

/** The store, and what it tells of earlier runs. */
async function readStore({ database, log, config }: Base) {
  const store = await Store.open(database, log, config);
  const runs = new Runs(config.silentAfter);
  const marks = await loadRuns(store, runs);
  // Where a store is shared, a run's senders are known once the run is this collector's.
  const senders = new Senders(store.ownsAll ? marks : []);
  return {
    ...{ store, runs, senders },
    ...{ alertTable: new AlertTable(database), annotationTable: new AnnotationTable(database) },
  };
}

/** Who is told of every step that is stored. */
async function watching({ config, counters, log, store, runs, alertTable }: Base & Stored) {
  const { webhook: url, alerts: thresholds, silentAfter } = config;
  const fanOut = new FanOut({ ...config, runs, counters });
  const webhook = url === undefined ? undefined : new Webhook({ url, counters, log });
  const options = {
    ...{ runs, table: alertTable, counters, log, thresholds, silentAfter, webhook },
    watches: (run: string) => store.owns(run),
    show: fanOut.sendAlert.bind(fanOut),
  };
  return { fanOut, alerts: new Alerts(options, await alertTable.read()) };
}

/** What stands between a sender and the store. */
function intake(parts: Base & Stored & Watching) {
  const { config, log, counters, condition, metrics, freeSpace } = parts;
  const { store, runs, senders, annotationTable, alertTable, fanOut, alerts } = parts;
  const batcher = new Batcher({
    ...{ ...config, store, freeSpace, runs, counters, log },
    onStored: (sum: StepSum) => {
      fanOut.sendStep(sum);
      alerts.stepStored(sum);
    },
    // The sum of several ranks is kept until it is whole, and longer where one lags.
    numbersInUse: (run) => runs.description(run)?.ranks !== 1 || fanOut.looksInto(run),
    // The batcher finds out which runs are lost, and is among those that let go of them.
    onLost: (lost) => sharing.letGo(lost),
    onBatch: (batch) => metrics.batchStored(batch),
    onWritten: (failed) => condition.storeAnswers(failed),
  });
  const sharing = new Sharing({ ...config, store, runs, senders, batcher, alerts, alertTable, log });
  const take = sharing.take.bind(sharing);
  const retention = new Retention({ ...config, store, runs, batcher, log, take });
  return {
    batcher,
    sharing,
    retention,
    introductions: new Introductions({ store, runs, senders, annotations: annotationTable, take }),
  };
}

/** What is spoken to from outside. */
function serversOf(parts: Base & Stored & Watching & Intake) {
  const { config, log, tls, tokens, counters, condition, metrics, database, runs, batcher, fanOut } = parts;
  const { dashboardDirectory, dataDirectory, limits } = config;
  const grpcServer = new GrpcServer({
    ...{ ...parts, limits, numbers: new NumberPool() },
    refusals: new Refusals(counters.refusedStreams, log, "stream"),
  });
  const httpServer = new HttpServer({
    ...{ ...parts, dashboardDirectory, limits },
    runChanges: {
      deleteRun: runDeletion(parts),
      annotateRun: runAnnotation({ ...parts, table: parts.annotationTable }),
    },
    operations: { condition, metrics },
    access: { tokens, sessions: new Sessions(tokens) },
    reach: {
      loopback: isLoopback(config.http.host),
      tls: tls !== undefined,
      frameAncestors: frameAncestors({
        frameIn: config.frameIn,
        host: config.http.host,
        closed: isClosed(exposureOf(config)),
      }),
    },
    refusals: new Refusals(counters.refusedRequests, log, "request"),
  });
  metrics.addGauges({
    ...{ dataDirectory, storeBytes: () => database.bytesOnDisk() },
    now: () => ({
      ...{ unstored: batcher.unstored, streams: grpcServer.streams, viewers: fanOut.viewers },
      ...{ serving: condition.trouble === undefined, states: runs.ids().map((id) => runs.summary(id)!.state!) },
    }),
  });
  return { grpcServer, httpServer };
}
