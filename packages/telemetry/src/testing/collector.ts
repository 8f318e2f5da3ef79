// A real collector on a directory of its own, for one test.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v1 } from "@moescope/proto";
import { onTestFinished } from "vitest";
import { type Collector, type CollectorOptions, startCollector } from "../index.ts";

/** An empty directory that is removed after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "moescope-telemetry-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Starts a collector on free ports; it is stopped after the test. */
export async function testCollector(options: CollectorOptions = {}): Promise<Collector & { dataDirectory: string }> {
  const dataDirectory = options.dataDirectory ?? temporaryDirectory();
  const anyPort = { http: { port: 0 }, grpc: { port: 0 } };
  const collector = await startCollector({
    ...anyPort,
    logLevel: "silent",
    flushInterval: 10,
    ...options,
    dataDirectory,
  });
  onTestFinished(() => collector.stop());
  return Object.assign(collector, { dataDirectory });
}

/** Asks the API for protobuf. */
export async function getHistory(collector: Collector, run: string, query = ""): Promise<v1.History> {
  return v1.History.decode(await getBytes(collector, `/runs/${run}/history?${query}`));
}

export async function getSummary(collector: Collector, run: string): Promise<v1.RunSummary> {
  return v1.RunSummary.decode(await getBytes(collector, `/runs/${run}`));
}

export async function get(collector: Collector, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`http://${collector.httpAddress}${path}`, { headers });
}

async function getBytes(collector: Collector, path: string): Promise<Uint8Array> {
  const answer = await get(collector, `/api/v1${path}`, { Accept: "application/x-protobuf" });
  if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
  return new Uint8Array(await answer.arrayBuffer());
}
