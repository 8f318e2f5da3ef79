import type { ServerResponse } from "node:http";
import type { v1 } from "@moescope/proto";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { type AnsweringServer, beginStream, delimited, startAnswering } from "../testing/answering-server.ts";
import { syntheticStep } from "../testing/synthetic-run.ts";
import { type Connection, followLive, type LiveOptions } from "./live.ts";

let server: AnsweringServer;
const abort: AbortController[] = [];
afterEach(async () => {
  for (const controller of abort.splice(0)) controller.abort();
  await server.close();
});

/** Follows the server's stream; `reach` resolves when the log has an entry that matches. */
function follow(options: Partial<LiveOptions> = {}) {
  const controller = new AbortController();
  abort.push(controller);
  const log: (string | number)[] = [];
  const waiting: { entry: string | number; resolve: () => void }[] = [];
  const add = (entry: string | number) => {
    log.push(entry);
    for (const each of waiting) if (each.entry === entry) each.resolve();
  };
  const onEvent = (event: v1.LiveEvent) => add(event.step?.firstStep ?? Object.keys(event)[0]!);
  const errors: string[] = [];
  const onConnection = (connection: Connection) => {
    if (connection.state === "waiting") errors.push(connection.error.message);
    add(connection.state);
  };
  const backOff = { first: 5, longest: 20 };
  const ended = followLive(server.base, {
    runs: ["a", "b"],
    layers: "all",
    signal: controller.signal,
    onEvent,
    onConnection,
    backOff,
    ...options,
  });
  const reach = (entry: string | number) =>
    log.includes(entry) ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ entry, resolve }));
  return { log, errors, reach, stop: () => controller.abort(), ended };
}

test("events arrive in order; aborting ends it and closes the connection", async () => {
  let closed: Promise<void> | undefined;
  server = await startAnswering((_, response) => {
    closed = new Promise((resolve) => response.on("close", resolve));
    beginStream(response);
    for (const step of [0, 1, 2]) response.write(delimited({ step: syntheticStep(step) }));
  });
  const live = follow();
  await live.reach(2);
  expect(live.log).toEqual(["connecting", "open", 0, 1, 2]);
  expect(server.requests).toEqual(["/api/v1/live?runs=a%2Cb&layers=all"]);
  live.stop();
  await live.ended;
  await closed;
});

test("a broken stream is opened again, and a refused one tried again with back-off", async () => {
  const answers: ((response: ServerResponse) => void)[] = [
    (response) => {
      beginStream(response);
      response.write(delimited({ step: syntheticStep(0) }), () => server.breakConnections());
    },
    (response) => response.writeHead(503).end("starting"),
    (response) => {
      beginStream(response);
      response.write(delimited({ step: syntheticStep(4) }));
    },
  ];
  server = await startAnswering((_, response) => answers.shift()!(response));
  const live = follow();
  await live.reach(4);
  expect(live.log).toEqual(["connecting", "open", 0, "waiting", "connecting", "waiting", "connecting", "open", 4]);
  expect(live.errors[1]).toContain("503");
});

test("waits are random parts of a time that doubles up to its longest, and begin again once it was open", async () => {
  const random = vi.spyOn(Math, "random").mockReturnValue(1 - 2 ** -53);
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => {
    random.mockRestore();
    vi.useRealTimers();
  });
  let answers = 0;
  server = await startAnswering((_, response) => {
    if (++answers !== 6) response.writeHead(503).end();
    else {
      beginStream(response);
      response.write(delimited({ step: syntheticStep(7) }), () => server.breakConnections());
    }
  });
  const waits: number[] = [];
  let enough = () => {};
  const eight = new Promise<void>((resolve) => {
    enough = resolve;
  });
  const onConnection = (connection: Connection) => {
    if (connection.state !== "waiting") return;
    waits.push(connection.retryAt - Date.now());
    if (waits.length === 8) enough();
  };
  const live = follow({ onConnection, backOff: { first: 10, longest: 60 } });
  await eight;
  live.stop();
  expect(waits).toEqual([9, 19, 39, 59, 59, 9, 19, 39]);
});

test("a stream without heartbeats counts as broken", async () => {
  server = await startAnswering((_, response) => beginStream(response));
  const live = follow({ silence: 30 });
  await live.reach("waiting");
  expect(live.errors[0]).toMatch(/not even a heartbeat/);
});

test("bytes that are no stream of events are a break, not a crash", async () => {
  server = await startAnswering((_, response) => {
    beginStream(response);
    response.write(new Uint8Array(20).fill(0xff));
  });
  const live = follow();
  await live.reach("waiting");
  expect(live.errors[0]).toMatch(/longer than ten bytes/);
});
