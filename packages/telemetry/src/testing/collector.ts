// A real collector on a directory of its own.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v1 } from "@moescope/proto";
import { onTestFinished } from "vitest";
import { type Collector, type CollectorOptions, startCollector } from "../index.ts";
import { storeOptions } from "./store-kind.ts";

/** Free ports, no log, and batches that do not keep a test waiting. */
export const TEST_OPTIONS = {
  http: { port: 0 },
  grpc: { port: 0 },
  logLevel: "silent",
  flushInterval: 10,
  storingShare: 1,
  rollUpEvery: 32,
} as const;

/** An empty directory that is removed after the test. */
export function temporaryDirectory(): string {
  const directory = newDirectory();
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts a collector that is stopped after the test. A process can have one collector with an embedded store at a time. */
export async function testCollector(options: CollectorOptions = {}): Promise<Collector & { dataDirectory: string }> {
  const dataDirectory = options.dataDirectory ?? temporaryDirectory();
  const store = options.clickhouseUrls === undefined ? await storeOptions(dataDirectory) : {};
  const collector = await startCollector({ ...TEST_OPTIONS, ...store, ...options, dataDirectory });
  onTestFinished(() => collector.stop());
  return Object.assign(collector, { dataDirectory });
}

/** Starts a collector for all tests of a file; its directory is removed when it is stopped. */
export async function startTestCollector(options: CollectorOptions = {}): Promise<Collector> {
  const dataDirectory = newDirectory();
  const store = options.clickhouseUrls === undefined ? await storeOptions(dataDirectory) : {};
  const collector = await startCollector({ ...TEST_OPTIONS, ...store, ...options, dataDirectory });
  const stop = async () => {
    await collector.stop();
    rmSync(dataDirectory, { recursive: true, force: true });
  };
  return { ...collector, stop };
}

/** Asks the API for protobuf. */
export async function getHistory(
  collector: Pick<Collector, "httpAddress">,
  run: string,
  query = "",
): Promise<v1.History> {
  return v1.History.decode(await getBytes(collector, `/runs/${run}/history?${query}`));
}

export async function getProbe(collector: Pick<Collector, "httpAddress">, run: string, query = ""): Promise<v1.Probe> {
  return v1.Probe.decode(await getBytes(collector, `/runs/${run}/probe?${query}`));
}

export async function getSummary(collector: Pick<Collector, "httpAddress">, run: string): Promise<v1.RunSummary> {
  return v1.RunSummary.decode(await getBytes(collector, `/runs/${run}`));
}

/** Over a connection of its own: one that lay idle may be closed by the collector just as it is used again. */
export async function get(
  collector: Pick<Collector, "httpAddress">,
  path: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`http://${collector.httpAddress}${path}`, { headers: { Connection: "close", ...headers } });
}

async function getBytes(collector: Pick<Collector, "httpAddress">, path: string): Promise<Uint8Array> {
  const answer = await get(collector, `/api/v1${path}`, { Accept: "application/x-protobuf" });
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
  return new Uint8Array(await answer.arrayBuffer());
}

function newDirectory(): string {
  return mkdtempSync(join(tmpdir(), "moescope-telemetry-"));
}
