// The collector: puts the stages together, starts them, and stops them in order.
import { join } from "node:path";
import type { Logger } from "pino";
import { isLoopback, localAddress, warnOfExposure } from "./access/exposure.ts";
import { Sessions } from "./access/sessions.ts";
import { readTls } from "./access/tls.ts";
import { Tokens } from "./access/tokens.ts";
import { Alerts, type AlertsOptions } from "./alerts/alerts.ts";
import { Webhook } from "./alerts/webhook.ts";
import { runAnnotation } from "./annotate-run.ts";
import { HttpServer } from "./api/http-server.ts";
import { type CollectorConfig, type CollectorOptions, exposureOf, parseCollectorConfig } from "./config.ts";
import { type Counters, newCounters } from "./counters.ts";
import { runDeletion } from "./delete-run.ts";
import { Batcher } from "./ingest/batch.ts";
import { GrpcServer } from "./ingest/grpc-server.ts";
import { Introductions } from "./ingest/introductions.ts";
import { NumberPool } from "./ingest/number-memory.ts";
import { Senders } from "./ingest/senders.ts";
import { FanOut } from "./live/fan-out.ts";
import { Condition } from "./operations/condition.ts";
import { Health } from "./operations/health.ts";
import { openLog } from "./operations/log.ts";
import { PrometheusMetrics } from "./operations/prometheus.ts";
import { Refusals } from "./operations/refusals.ts";
import { Ownership } from "./ownership.ts";
import { type Listening, listenOn } from "./ports.ts";
import { Retention } from "./retention.ts";
import { Sharing } from "./sharing.ts";
import { Database } from "./store/engine/database.ts";
import { FreeSpace } from "./store/engine/free-space.ts";
import { openServer } from "./store/engine/server.ts";
import { AlertTable } from "./store/runs/alert-table.ts";
import { AnnotationTable } from "./store/runs/annotation-table.ts";
import { loadRuns } from "./store/runs/load-runs.ts";
import { Runs } from "./store/runs/runs.ts";
import { Store } from "./store/store.ts";
import type { StepSum } from "./store/writing/step-sum.ts";

/** A running collector. */
export interface Collector {
  /** `host:port` of the dashboard and the API, and of the gRPC service that trainers report to. */
  readonly httpAddress: string;
  readonly grpcAddress: string;
  /** Whether both speak TLS. */
  readonly tls: boolean;
  /** What a person should be told, one line each: ports that differ from those asked for, who can reach what. */
  readonly notices: readonly string[];
  readonly counters: Readonly<Counters>;
  /** How many are watching the live stream. */
  readonly viewers: number;
  /** Stores and acknowledges what has been received, then closes everything; takes less than 3 seconds. */
  stop(): Promise<void>;
}

/** Milliseconds for the last batch to be stored. */
const DRAIN_DEADLINE = 1_500;

/**
 * Starts a collector.
 *
 * @throws Error when the configuration is wrong, the data directory belongs to another collector, a port is taken, or the store
 *   cannot be opened; nothing is left running then
 */
export async function startCollector(options: CollectorOptions = {}): Promise<Collector> {
  const config = parseCollectorConfig(options);
  const log = openLog(config);
  const undo = new UndoList();
  try {
    return await start(config, log, undo);
  } catch (error) {
    await undo.run();
    throw error;
  }
}

async function start(config: CollectorConfig, log: Logger, undo: UndoList): Promise<Collector> {
  const tls = config.tls && readTls(config.tls);
  const tokens = new Tokens(config.tokens);
  const ownership = await Ownership.claim(config.dataDirectory);
  undo.add(() => ownership.release());
  const database = await openDatabase(config);
  undo.add(() => database.close());
  const freeSpace = new FreeSpace({ ...config, ...(database.shared && { keepFree: 0 }), database, log });
  undo.add(() => freeSpace.stop());
  const store = await Store.open(database, log, config);
  const runs = new Runs(config.silentAfter);
  const stored = await loadRuns(store, runs);
  // Where a store is shared, a run's senders are known once the run is this collector's.
  const senders = new Senders(database.shared ? [] : stored);

  const counters = newCounters();
  const fanOut = new FanOut({ ...config, runs, counters });
  undo.add(() => fanOut.stop());
  const alertTable = new AlertTable(database);
  const watches = (run: string) => store.owns(run);
  const alerts = await openAlerts(config, {
    runs,
    table: alertTable,
    watches,
    counters,
    log,
    show: (alert) => fanOut.sendAlert(alert),
  });
  undo.add(() => alerts.stop());
  const onStored = (sum: StepSum) => {
    fanOut.sendStep(sum);
    alerts.stepStored(sum);
  };
  const health = new Health();
  const condition = new Condition(health);
  const metrics = new PrometheusMetrics({
    ...{ counters, dataDirectory: config.dataDirectory, storeBytes: () => database.bytesOnDisk() },
    now: () => ({
      ...{ unstored: batcher.unstored, streams: grpcServer.streams, viewers: fanOut.viewers },
      ...{ serving: condition.trouble === undefined, states: runs.ids().map((id) => runs.summary(id)!.state!) },
    }),
  });
  const batcher = new Batcher({
    ...{ ...config, store, freeSpace, runs, counters, log, onStored },
    // The sum of several ranks is kept until it is whole, and longer where one lags.
    numbersInUse: (run) => runs.description(run)?.ranks !== 1 || fanOut.looksInto(run),
    onLost: (lost) => sharing.letGo(lost),
    onBatch: (batch) => metrics.batchStored(batch),
    onWritten: (failed) => condition.storeAnswers(failed),
  });
  const retention = new Retention({ ...config, store, runs, batcher, log, take: (run) => sharing.take(run) });
  undo.add(() => retention.stop());
  const sharing = new Sharing({ ...config, store, runs, senders, batcher, alerts, alertTable, log });
  undo.add(() => sharing.stop());
  const annotations = new AnnotationTable(database);
  const take = (run: string) => sharing.take(run);
  const introductions = new Introductions({ store, runs, senders, annotations, take });
  const deleteRun = runDeletion({ store, freeSpace, runs, introductions, senders, batcher, alerts, sharing, log });
  const annotateRun = runAnnotation({ table: annotations, runs, introductions });
  const grpcServer = new GrpcServer({
    runs,
    introductions,
    senders,
    batcher,
    numbers: new NumberPool(),
    counters,
    log,
    ...{ tokens, tls, health, limits: config.limits },
    refusals: new Refusals(counters.refusedStreams, log, "stream"),
  });
  const httpServer = new HttpServer({
    runs,
    store,
    alerts,
    fanOut,
    runChanges: { deleteRun, annotateRun },
    dashboardDirectory: config.dashboardDirectory,
    log,
    ...{ tls, limits: config.limits, operations: { condition, metrics } },
    access: { tokens, sessions: new Sessions(tokens) },
    reach: { loopback: isLoopback(config.http.host), tls: tls !== undefined },
    refusals: new Refusals(counters.refusedRequests, log, "request"),
  });

  const grpc = await listenGrpc(grpcServer, config);
  undo.add(() => grpcServer.stop());
  const http = await listenHttp(httpServer, config);
  undo.add(() => httpServer.stop());
  await ownership.publish({
    ...{ httpAddress: localAddress(http.address), grpcAddress: localAddress(grpc.address) },
    tls: tls !== undefined,
  });
  const { dataDirectory } = config;
  log.info(
    { http: http.address, grpc: grpc.address, tls: tls !== undefined, data: dataDirectory },
    "collector started",
  );

  const stop = async () => {
    condition.stops();
    grpcServer.stopReading();
    await retention.stop();
    await sharing.stop();
    await batcher.stop(DRAIN_DEADLINE);
    await grpcServer.stop();
    await alerts.stop();
    fanOut.stop();
    await httpServer.stop();
    await freeSpace.stop();
    await database.close();
    await ownership.release();
    log.info({ counters }, "collector stopped");
  };
  let stopped: Promise<void> | undefined;
  return {
    httpAddress: http.address,
    grpcAddress: grpc.address,
    tls: tls !== undefined,
    notices: [grpc.notice, http.notice, ...warnOfExposure(exposureOf(config))].filter((line) => line !== undefined),
    counters,
    get viewers() {
      return fanOut.viewers;
    },
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

type AlertSources = Pick<AlertsOptions, "runs" | "table" | "watches" | "counters" | "log" | "show">;

async function openAlerts(config: CollectorConfig, sources: AlertSources): Promise<Alerts> {
  const { webhook: url, alerts: thresholds, silentAfter } = config;
  const webhook = url === undefined ? undefined : new Webhook({ url, ...sources });
  return new Alerts({ ...sources, thresholds, silentAfter, webhook }, await sources.table.read());
}

async function openDatabase({ clickhouseUrls, clickhouseCluster, dataDirectory }: CollectorConfig): Promise<Database> {
  if (clickhouseUrls !== undefined) return openServer(clickhouseUrls, clickhouseCluster);
  const directory = join(dataDirectory, "store");
  try {
    return Database.embedded(directory);
  } catch (error) {
    throw new Error(
      `the store in ${directory} cannot be opened (does another process use it?): ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

function listenGrpc(server: GrpcServer, { grpc, portFallback }: CollectorConfig): Promise<Listening> {
  const listen = (host: string, port: number) => server.listen(host, port);
  return listenOn({ what: "gRPC", ...grpc, fallback: portFallback, listen });
}

function listenHttp(server: HttpServer, { http, portFallback }: CollectorConfig): Promise<Listening> {
  const listen = (host: string, port: number) => server.listen(host, port);
  return listenOn({ what: "HTTP", ...http, fallback: portFallback, listen });
}

/** What has been started so far, to be closed in reverse when a later step fails. */
class UndoList {
  readonly #steps: (() => void | Promise<void>)[] = [];

  add(step: () => void | Promise<void>): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    for (const step of this.#steps.reverse()) await step();
  }
}
