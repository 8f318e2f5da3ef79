// A collector that is told to stop under load ends in time, whatever its store and those who are connected do.
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { temporaryDirectory } from "./testing/collector.ts";
import { CollectorProcess } from "./testing/collector-process.ts";
import { Ledger } from "./testing/ledger.ts";
import { PersistentSender } from "./testing/persistent-sender.ts";
import { describedRun } from "./testing/runs.ts";

/** Everyone who holds on to an HTTP connection. */
async function holdOn({ httpAddress }: CollectorProcess, run: string): Promise<void> {
  const [host, port] = httpAddress.split(":");
  const open = (path: string, options: object = {}) => {
    const asked = request(`http://${httpAddress}${path}`, { agent: false, ...options });
    asked.on("error", () => {}); // cut off when the collector stops
    onTestFinished(() => void asked.destroy());
    return asked;
  };
  const unread = async (asked: ClientRequest) => {
    const [answer] = (await once(asked.end(), "response")) as [IncomingMessage];
    answer.on("error", () => {}).pause();
  };
  await unread(open("/api/v1/live?layers=all"));
  await unread(open("/api/v1/live?layers=all"));
  await unread(open(`/api/v1/runs/${run}/messages`));
  // An upload that never ends, a request that never does, and a connection that asks nothing.
  open(`/api/v1/runs/${run}/annotation`, {
    method: "PUT",
    headers: { "Content-Type": "application/json", "Content-Length": 900 },
  }).write("{");
  for (const said of ["GET /healthz HTTP/1.1\r\nHost: localhost\r\n", ""]) {
    const socket = connect(Number(port), host).on("error", () => {});
    onTestFinished(() => void socket.destroy());
    await once(socket, "connect");
    socket.write(said);
  }
}

/** Whoever opens a pipe to write into it waits for someone to read: rows that are handed to the engine never get there. */
async function stall(dataDirectory: string): Promise<void> {
  const rows = join(dataDirectory, "store-incoming", "routing");
  await vi.waitUntil(() => spawnSync("mkfifo", [rows]).status === 0, { timeout: 60_000, interval: 5 });
}

test("a store that never answers does not hold up the end, and loses nothing", async () => {
  const dataDirectory = temporaryDirectory();
  let [collector, listens] = [await CollectorProcess.start(dataDirectory), () => {}];
  let next = Promise.resolve();
  const address = () => next.then(() => collector.grpcAddress);
  const ledger = new Ledger();
  let enough = false;
  const runs = Array.from({ length: 4 }, (_, index) => describedRun(`run-${index}`));
  const senders = runs.map((run) => new PersistentSender({ run, ledger, address, goesOn: () => !enough, window: 400 }));
  const sent = Promise.all(senders.map((sender) => sender.run()));
  const acknowledged = () => senders.map((sender) => sender.acknowledged);
  await vi.waitUntil(() => acknowledged().every((sequence) => sequence > 0), 60_000);
  await holdOn(collector, runs[0]!.id);

  await stall(dataDirectory);
  const before = acknowledged();
  await vi.waitUntil(() => senders.some(({ made }, index) => made > before[index]! + 200), 60_000);
  next = new Promise((resolve) => {
    listens = resolve;
  });
  const stoppedAt = performance.now();
  await collector.stop();
  expect(performance.now() - stoppedAt).toBeLessThan(3_000);
  const left = collector.log().match(/"stage":"[^"]+","milliseconds":\d+/g);
  expect(left).toContainEqual(expect.stringMatching(/^"stage":"batches"/));

  collector = await CollectorProcess.start(dataDirectory);
  listens();
  enough = true;
  await sent;
  await ledger.expectStored(collector);
}, 120_000);
