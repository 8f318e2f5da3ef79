// Where stored runs are written: to a collector that runs, or to one opened for the occasion.
import { findCollector } from "@moescope/telemetry";
import { openCollector } from "./open-collector.ts";

/** `host:port` of both services. */
export interface Addresses {
  grpcAddress: string;
  httpAddress: string;
}

/** @param dataDirectory of a collector, running or not; is made when it does not exist */
export async function withCollector<Result>(
  dataDirectory: string,
  work: (addresses: Addresses) => Promise<Result>,
): Promise<Result> {
  const running = await findCollector(dataDirectory);
  if (running) return work(running);
  const anyPort = { http: { port: 0 }, grpc: { port: 0 } };
  const collector = await openCollector({ dataDirectory, logLevel: "error", ...anyPort });
  try {
    return await work(collector);
  } finally {
    await collector.stop();
  }
}
