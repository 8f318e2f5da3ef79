// Where stored runs are read: always through the HTTP API, of a collector that runs or of one opened for the occasion.
import { type Client, CollectorError } from "@moescope/dashboard/api";
import { baseUrl, findCollector } from "@moescope/telemetry";
import type { CollectorAccess } from "@moescope/trainer";
import type { Command } from "commander";
import { type AccessOptions, accessOf, addAccessOptions } from "../access/access-options.ts";
import { collectorClient } from "../access/collector-client.ts";
import { httpUrl } from "../arguments.ts";
import { openCollector } from "../collecting/open-collector.ts";
import { Failure, WrongUse } from "../failure.ts";
import { defaultDataDirectory, holdsStore } from "./data-directory.ts";

export interface ReadOptions extends AccessOptions {
  url?: string;
  data: string;
}

export function addReadOptions(command: Command): Command {
  command
    .option("--data <dir>", "directory of a collector, running or not", defaultDataDirectory)
    .option("--url <url>", "a running collector, as in http://127.0.0.1:4680; instead of --data", httpUrl);
  return addAccessOptions(command);
}

/**
 * @throws WrongUse when the directory holds no runs
 * @throws Failure when the collector cannot be reached
 */
export async function withRuns<Result>(
  options: ReadOptions,
  read: (client: Client) => Promise<Result>,
): Promise<Result> {
  const access = accessOf(options);
  if (options.url !== undefined) return readFrom(options.url, access, read);
  const running = await findCollector(options.data);
  if (running) return readFrom(baseUrl(running), access, read);
  if (!holdsStore(options.data)) {
    throw new WrongUse(`--data ${options.data} holds no runs; allowed is a directory that a collector has written to`);
  }
  const anyPort = { http: { port: 0 }, grpc: { port: 0 } };
  const collector = await openCollector({ dataDirectory: options.data, logLevel: "error", ...anyPort });
  try {
    return await readFrom(baseUrl(collector), {}, read);
  } finally {
    await collector.stop();
  }
}

async function readFrom<Result>(
  url: string,
  access: CollectorAccess,
  read: (client: Client) => Promise<Result>,
): Promise<Result> {
  try {
    return await read(await collectorClient(url, access));
  } catch (error) {
    throw error instanceof CollectorError ? refusal(error) : error;
  }
}

/** A request that the collector calls wrong asked for a value that the user gave. */
function refusal({ message, status }: CollectorError): Error {
  return status === 400 || status === 404 ? new WrongUse(message) : new Failure(`The collector answers: ${message}`);
}
