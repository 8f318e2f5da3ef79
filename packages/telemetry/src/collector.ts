// The collector: starts its parts one after the other, and stops them in reverse.
import { join } from "node:path";
import type { Logger } from "pino";
import { localAddress, warnOfExposure } from "./access/exposure.ts";
import { readTls } from "./access/tls.ts";
import { Tokens } from "./access/tokens.ts";
import { checkDashboard } from "./api/pages/dashboard.ts";
import { type CollectorConfig, type CollectorOptions, exposureOf, parseCollectorConfig } from "./config.ts";
import type { Counters } from "./counters.ts";
import { explained, fullDisk, isFull, NewDirectory, prepareDirectory } from "./data-directory.ts";
import type { Condition } from "./operations/condition.ts";
import { openLog } from "./operations/log.ts";
import { Ownership } from "./ownership.ts";
import { assemble, observed, type Parts } from "./parts.ts";
import { Port } from "./ports.ts";
import { type Stage, Stages } from "./stages.ts";
import { Database } from "./store/engine/database.ts";
import { FreeSpace } from "./store/engine/free-space.ts";
import { openServer } from "./store/engine/server.ts";

/** A running collector. */
export interface Collector {
  /** `host:port` of the dashboard and the API, and of the gRPC service that trainers report to. */
  readonly httpAddress: string;
  readonly grpcAddress: string;
  /** Whether both speak TLS. */
  readonly tls: boolean;
  /** What a person should be told, one line each: ports that differ from those asked for, who can reach what, or read the TLS key. */
  readonly notices: readonly string[];
  readonly counters: Readonly<Counters>;
  /** How many are watching the live stream. */
  readonly viewers: number;
  /**
   * Stores and acknowledges what has been received, then closes everything. Takes less than 3 seconds, however long the store takes:
   * what is not stored by then is not acknowledged, and its senders send it again.
   */
  stop(): Promise<void>;
}

/** Milliseconds for the last batches to be stored. */
const DRAIN_DEADLINE = 850;

/**
 * Starts a collector.
 *
 * @throws Error when the configuration is wrong, the data directory belongs to another collector, a port is taken, or the store
 *   cannot be opened; nothing is left running then
 */
export async function startCollector(options: CollectorOptions = {}): Promise<Collector> {
  const config = parseCollectorConfig(options);
  const log = openLog(config);
  const stages = new Stages(log);
  try {
    return await start(config, log, stages);
  } catch (error) {
    await stages.stop();
    throw await explained(error, config.dataDirectory);
  }
}

async function start(config: CollectorConfig, log: Logger, stages: Stages): Promise<Collector> {
  checkDashboard(config.dashboardDirectory);
  const { tls, notice } = config.tls ? readTls(config.tls) : {};
  const tokens = new Tokens(config.tokens, config.limits.wrongTokens);
  const ownership = await stages.start(owned(config, log));
  const store = await stages.start(keptOnceWhole(config));
  const database = await stages.start(connected(config, ownership));
  const watched = observed();
  const freeSpace = await stages.start(lookedAfter(config, database, watched.condition, log));
  const parts = await assemble({ config, log, tls, tokens, database, freeSpace, ...watched });
  store.keep();
  const ports = portsOf(parts, config);
  for (const stage of stagesOf(parts, ports)) await stages.start(stage);
  const [http, grpc] = [ports.http.address, ports.grpc.address];
  const speaks = { tls: tls !== undefined };
  await ownership.publish({ httpAddress: localAddress(http), grpcAddress: localAddress(grpc), ...speaks });
  log.info({ http, grpc, ...speaks, data: config.dataDirectory }, "collector started");
  const notices = [ports.grpc.notice, ports.http.notice, ...warnOfExposure(exposureOf(config)), notice];
  return running(parts, ports, notices, async () => {
    await stages.stop();
    log.info({ counters: parts.counters }, "collector stopped");
  });
}

function owned({ dataDirectory }: CollectorConfig, log: Logger): Stage<Ownership> {
  return {
    ...{ name: "data directory", stopsBy: 2_050 },
    start: () => Ownership.claim(dataDirectory, log),
    stop: (ownership) => ownership.release(),
  };
}

/** The engine cannot open a store that a full disk has left half-made, so one that is new goes with a start that fails before it is whole. */
function keptOnceWhole({ dataDirectory, clickhouseUrls }: CollectorConfig): Stage<NewDirectory> {
  const directory = new NewDirectory(storeDirectory(dataDirectory), clickhouseUrls === undefined);
  return { name: "new store", start: () => directory, stop: () => directory.removeUnlessKept(), stopsBy: 2_030 };
}

function connected(config: CollectorConfig, ownership: Ownership): Stage<Database> {
  return {
    ...{ name: "store", stopsBy: 2_000 },
    start: () => openDatabase(config),
    stop: (database) => ownership.lastsUntil(database.close()),
  };
}

/** The disk is looked after where the store is on it. */
function lookedAfter(config: CollectorConfig, database: Database, condition: Condition, log: Logger): Stage<FreeSpace> {
  const told = (trouble: string | undefined) => condition.diskIs(trouble);
  const freeSpace = new FreeSpace({ ...config, ...(!database.embedded && { keepFree: 0 }), database, told, log });
  return {
    ...{ name: "free space", stopsBy: 1_800 },
    start: () => {
      if (database.embedded) freeSpace.start();
      return freeSpace;
    },
    stop: () => freeSpace.stop(),
  };
}

type Ports = Record<"http" | "grpc", Port>;

function portsOf({ httpServer, grpcServer }: Parts, config: CollectorConfig): Ports {
  const fallback = config.portFallback;
  return {
    http: new Port({ what: "HTTP", ...config.http, fallback, server: httpServer }),
    grpc: new Port({ what: "gRPC", ...config.grpc, fallback, server: grpcServer }),
  };
}

/**
 * In the order they start, those that others hand data to first. So stopping begins at the sources: what was received is stored and
 * acknowledged, then the streams end, and the viewers get what was stored before their stream ends.
 *
 * The times leave nearly one of the three seconds that stopping may take to a machine that is busy with other things.
 */
function stagesOf(parts: Parts, { http, grpc }: Ports): Stage[] {
  const { httpServer, fanOut, alerts, grpcServer, batcher, sharing, retention, condition } = parts;
  return [
    { name: "HTTP", start: () => http.open(), stop: () => httpServer.stop(), stopsBy: 1_750 },
    { name: "live stream", start: () => fanOut.start(), stop: () => fanOut.stop() },
    { name: "alerts", start: () => alerts.start(), stop: () => alerts.stop(), stopsBy: 1_350 },
    { name: "streams of senders", stop: () => grpcServer.stop(), stopsBy: 1_300 },
    { name: "batches", stop: () => batcher.stop(DRAIN_DEADLINE), stopsBy: 900 },
    { name: "sharing", start: () => sharing.start(), stop: () => sharing.stop(), stopsBy: 200 },
    { name: "retention", start: () => retention.start(), stop: () => retention.stop(), stopsBy: 150 },
    { name: "gRPC", start: () => grpc.open(), stop: () => grpcServer.stopReading() },
    { name: "health", stop: () => condition.stops() },
  ];
}

function running(
  { counters, fanOut, tls }: Parts,
  { http, grpc }: Ports,
  notices: readonly (string | undefined)[],
  stop: () => Promise<void>,
): Collector {
  let stopped: Promise<void> | undefined;
  return {
    ...{ httpAddress: http.address, grpcAddress: grpc.address, tls: tls !== undefined, counters },
    notices: notices.filter((line) => line !== undefined),
    get viewers() {
      return fanOut.viewers;
    },
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

function storeDirectory(dataDirectory: string): string {
  return join(dataDirectory, "store");
}

async function openDatabase({ clickhouseUrls, clickhouseCluster, dataDirectory }: CollectorConfig): Promise<Database> {
  if (clickhouseUrls !== undefined) return openServer(clickhouseUrls, clickhouseCluster);
  const directory = storeDirectory(dataDirectory);
  await prepareDirectory(directory);
  try {
    return await Database.embedded(directory);
  } catch (cause) {
    // The engine does not say why it cannot be opened.
    if (await isFull(directory)) throw await fullDisk(directory, cause);
    const { message } = cause as Error;
    throw new Error(`the store in ${directory} cannot be opened (does another process use it?): ${message}`, { cause });
  }
}
