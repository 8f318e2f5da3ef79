// Whatever keeps a collector from starting, nothing is left running: its process ends by itself, its file is gone, its ports are free.
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { CollectorOptions } from "./index.ts";
import { DATABASE } from "./store/engine/database.ts";
import { temporaryDirectory } from "./testing/collector.ts";
import { CollectorProcess } from "./testing/collector-process.ts";
import { openDatabase } from "./testing/store-kind.ts";

/** What stands in the way, and takes it away again. */
interface Obstacle {
  options?: CollectorOptions;
  remove: () => Promise<void>;
}

async function takenPort(): Promise<{ port: number; remove: () => Promise<void> }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const remove = async () => {
    server.close();
    await once(server, "close");
  };
  return { port: (server.address() as { port: number }).port, remove };
}

/** @param statement run on the store of a collector that has stopped */
async function storeWith(dataDirectory: string, statement: string, undo: string): Promise<Obstacle> {
  const collector = await CollectorProcess.start(dataDirectory);
  await collector.stop();
  const change = async (query: string) => {
    const database = await openDatabase(dataDirectory);
    await database.run(query);
    await database.close();
  };
  await change(statement);
  return { remove: () => change(undo) };
}

const OBSTACLES: [stage: string, stands: (dataDirectory: string) => Promise<Obstacle>, said: RegExp][] = [
  [
    "a certificate that cannot be read",
    async () => ({ options: { tls: { certFile: "/none.pem", keyFile: "/none.key" } }, remove: async () => {} }),
    /none\.pem/,
  ],
  [
    "a store that another process has open",
    async (dataDirectory) => {
      const owner = await CollectorProcess.start(dataDirectory);
      rmSync(join(dataDirectory, "collector.json"));
      return { remove: () => owner.kill() };
    },
    /store in .* cannot be opened/,
  ],
  [
    "a store of a newer version",
    (dataDirectory) =>
      storeWith(
        dataDirectory,
        `INSERT INTO ${DATABASE}.migrations VALUES (9999, now())`,
        `DELETE FROM ${DATABASE}.migrations WHERE version = 9999`,
      ),
    /newer/,
  ],
  [
    "an alert that cannot be read",
    (dataDirectory) =>
      storeWith(
        dataDirectory,
        `INSERT INTO ${DATABASE}.alerts (run, id, over, alert) VALUES ('broken', 'broken', 0, '/w==')`,
        `DELETE FROM ${DATABASE}.alerts WHERE run = 'broken'`,
      ),
    /index out of range|invalid/,
  ],
  [
    "an HTTP port that is taken",
    async () => {
      const { port, remove } = await takenPort();
      return { options: { http: { port } }, remove };
    },
    /port \d+ is taken: HTTP/,
  ],
  [
    "a gRPC port that is taken",
    async () => {
      const { port, remove } = await takenPort();
      return { options: { grpc: { port } }, remove };
    },
    /port \d+ is taken: gRPC/,
  ],
];

test.each(OBSTACLES)(
  "%s leaves nothing running",
  async (_, stands, said) => {
    const dataDirectory = temporaryDirectory();
    const { options = {}, remove } = await stands(dataDirectory);
    const failed = await CollectorProcess.startToDie(dataDirectory, undefined, options);
    if (failed instanceof CollectorProcess) throw new Error("the collector has started");
    expect(failed.log).toMatch(said);
    expect(existsSync(join(dataDirectory, "collector.json"))).toBe(false);
    await remove();
    const { tls: _tls, ...rest } = options;
    const started = await CollectorProcess.start(dataDirectory, undefined, rest);
    expect(await started.stop()).toBe(0);
  },
  30_000,
);
