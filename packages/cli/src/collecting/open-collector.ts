// Starts a collector inside this process, the built dashboard included.
import { applicationDirectory } from "@moescope/dashboard";
import { type Collector, type CollectorOptions, startCollector } from "@moescope/telemetry";
import { Failure } from "../failure.ts";
import { logWriter } from "../terminal/collector-log.ts";

export interface Ports {
  /** Of both; the loopback address when absent. */
  host?: string;
  http?: number;
  grpc?: number;
}

/** @throws Failure when the directory is another collector's, a port is taken, or the store cannot be opened */
export async function openCollector(options: CollectorOptions): Promise<Collector> {
  try {
    return await startCollector({ dashboardDirectory: applicationDirectory, logTo: logWriter(), ...options });
  } catch (error) {
    throw new Failure(`No collector could be started: ${(error as Error).message}`, { cause: error });
  }
}

/** A port that was asked for is used or refused; only the default ones give way to the next free ones. */
export function listening({ host, http, grpc }: Ports): Pick<CollectorOptions, "http" | "grpc" | "portFallback"> {
  return {
    http: { host, port: http },
    grpc: { host, port: grpc },
    portFallback: http === undefined && grpc === undefined,
  };
}
