// The collector: starts its parts one after the other, and stops them in reverse.
import { join } from "node:path";
import type { Logger } from "pino";
import { localAddress, warnOfExposure } from "./access/exposure.ts";
import { readTls } from "./access/tls.ts";
import { Tokens } from "./access/tokens.ts";
import { type CollectorConfig, type CollectorOptions, exposureOf, parseCollectorConfig } from "./config.ts";
import type { Counters } from "./counters.ts";
import { openLog } from "./operations/log.ts";
import { Ownership } from "./ownership.ts";
import { assemble, type Parts } from "./parts.ts";
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
  const stages = new Stages();
  try {
    return await start(config, log, stages);
  } catch (error) {
    await stages.stop();
    throw error;
  }
}

async function start(config: CollectorConfig, log: Logger, stages: Stages): Promise<Collector> {
  const tls = config.tls && readTls(config.tls);
  const tokens = new Tokens(config.tokens);
  const ownership = await stages.start(owning(config));
  const database = await stages.start(connected(config));
  const freeSpace = await stages.start(lookingForSpace(config, database, log));
  const parts = await assemble({ config, log, tls, tokens, database, freeSpace });
  const ports = portsOf(parts, config);
  for (const stage of stagesOf(parts, ports)) await stages.start(stage);
  const [http, grpc] = [ports.http.address, ports.grpc.address];
  const speaks = { tls: tls !== undefined };
  await ownership.publish({ httpAddress: localAddress(http), grpcAddress: localAddress(grpc), ...speaks });
  log.info({ http, grpc, ...speaks, data: config.dataDirectory }, "collector started");
  return running(parts, ports, config, async () => {
    await stages.stop();
    log.info({ counters: parts.counters }, "collector stopped");
  });
}

function owning({ dataDirectory }: CollectorConfig): Stage<Ownership> {
  return {
    name: "data directory",
    start: () => Ownership.claim(dataDirectory),
    stop: (ownership) => ownership.release(),
  };
}

function connected(config: CollectorConfig): Stage<Database> {
  return { name: "store", start: () => openDatabase(config), stop: (database) => database.close() };
}

function lookingForSpace(config: CollectorConfig, database: Database, log: Logger): Stage<FreeSpace> {
  const freeSpace = new FreeSpace({ ...config, ...(!database.embedded && { keepFree: 0 }), database, log });
  const start = () => {
    freeSpace.start();
    return freeSpace;
  };
  return { name: "free space", start, stop: () => freeSpace.stop() };
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
 */
function stagesOf(parts: Parts, { http, grpc }: Ports): Stage[] {
  const { httpServer, fanOut, alerts, grpcServer, batcher, sharing, retention, condition } = parts;
  return [
    { name: "HTTP", start: () => http.open(), stop: () => httpServer.stop() },
    { name: "live stream", start: () => fanOut.start(), stop: () => fanOut.stop() },
    { name: "alerts", start: () => alerts.start(), stop: () => alerts.stop() },
    { name: "streams of senders", stop: () => grpcServer.stop() },
    { name: "batches", stop: () => batcher.stop(DRAIN_DEADLINE) },
    { name: "sharing", start: () => sharing.start(), stop: () => sharing.stop() },
    { name: "retention", start: () => retention.start(), stop: () => retention.stop() },
    { name: "gRPC", start: () => grpc.open(), stop: () => grpcServer.stopReading() },
    { name: "health", stop: () => condition.stops() },
  ];
}

function running(
  { counters, fanOut }: Parts,
  { http, grpc }: Ports,
  config: CollectorConfig,
  stop: () => Promise<void>,
): Collector {
  const notices = [grpc.notice, http.notice, ...warnOfExposure(exposureOf(config))];
  let stopped: Promise<void> | undefined;
  return {
    ...{ httpAddress: http.address, grpcAddress: grpc.address, tls: config.tls !== undefined, counters },
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
