// Where stored runs are written: to a collector that runs, or to one opened for the occasion.
import { findCollector } from "@moescope/telemetry";
import type { CollectorAccess } from "@moescope/trainer";
import type { Target } from "../exchange/run-stream.ts";
import { openCollector } from "./open-collector.ts";

export interface Place {
  /** host:port of a collector that runs; instead of `data`. */
  collector?: string;
  /** Directory of a collector, running or not; is made when it does not exist. */
  data: string;
}

/** @param access what a collector that runs is shown */
export async function withTarget<Result>(
  { collector, data }: Place,
  access: CollectorAccess,
  work: (target: Target) => Promise<Result>,
): Promise<Result> {
  if (collector !== undefined) return work({ address: collector, access });
  const running = await findCollector(data);
  if (running) return work({ address: running.grpcAddress, access: overTls(access, running.tls) });
  const anyPort = { http: { port: 0 }, grpc: { port: 0 } };
  const opened = await openCollector({ dataDirectory: data, logLevel: "error", ...anyPort });
  try {
    return await work({ address: opened.grpcAddress, access: {} });
  } finally {
    await opened.stop();
  }
}

/** @param tls whether the collector speaks TLS, though the command line may not say so */
export function overTls(access: CollectorAccess, tls: boolean): CollectorAccess {
  return tls ? { tls: {}, ...access } : access;
}
