// What looks after a collector: health, reflection, numbers, limits, the log.
import { once } from "node:events";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import {
  type ClientDuplexStream,
  credentials,
  makeClientConstructor,
  type ServiceDefinition,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { RateLimit } from "../api/middleware/limits.ts";
import type { Collector } from "../index.ts";
import { get, startTestCollector, testCollector } from "../testing/collector.ts";
import { healthOf } from "../testing/health.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { TestSender } from "../testing/sender.ts";
import { TestViewer } from "../testing/viewer.ts";
import { Refusals } from "./refusals.ts";

describe("a collector tells", () => {
  let collector: Collector;
  beforeAll(async () => {
    collector = await startTestCollector();
  });
  afterAll(() => collector.stop());

  test("Prometheus what it has taken in and what not", async () => {
    const run = describedRun("measured");
    const sender = await TestSender.connect(collector.grpcAddress, run);
    for (const sequence of [1, 2, 3]) sender.send({ step: randomStep(run, { sequence, time: Date.now() }) });
    sender.send({ step: randomStep(run, { sequence: 1 }) });
    sender.send({ step: randomStep(run, { sequence: 4, split: 0 }) });
    await sender.untilAcknowledged(4);
    const numbers = await metricsOf(collector);
    expect(numbers).toMatchObject({
      moescope_messages_stored_total: 3,
      moescope_steps_stored_total: 3,
      // 3 steps, 2 layers, 2 categories, 4 experts
      moescope_counts_stored_total: 48,
      moescope_messages_duplicate_total: 1,
      'moescope_messages_rejected_total{reason="MALFORMED"}': 1,
      moescope_lag_seconds_count: 3,
      moescope_streams: 1,
      moescope_viewers: 0,
      'moescope_runs{state="live"}': 1,
      moescope_unstored_messages: 0,
      moescope_serving: 1,
    });
    expect(numbers.moescope_lag_seconds_sum).toBeLessThan(30);
    expect(numbers.moescope_insert_seconds_count).toBeGreaterThan(0);
    expect(numbers.moescope_batch_messages_sum).toBe(4);
    for (const name of ["bytes_stored_total", "store_bytes", "disk_free_bytes"]) {
      expect(numbers[`moescope_${name}`]).toBeGreaterThan(0);
    }
    expect(numbers.process_resident_memory_bytes).toBeGreaterThan(1e7);
    expect(numbers).toHaveProperty("nodejs_eventloop_lag_p99_seconds");
    sender.close();
  });

  test("one number for the whole of it, however many experts, layers and runs", async () => {
    // Without those of Node, which begins to tell of a kind of garbage collection when it has done one.
    const ours = async () => Object.keys(await metricsOf(collector)).filter((name) => name.startsWith("moescope_"));
    const before = await ours();
    const run = describedRun("many-experts", { experts: 256, moeLayers: Array.from({ length: 20 }, (_, at) => at) });
    const sender = await TestSender.connect(collector.grpcAddress, run);
    sender.send({ step: randomStep(run, { sequence: 1 }) });
    await sender.untilAcknowledged(1);
    expect(await ours()).toEqual(before);
    sender.close();
  });

  test("gRPC clients that it serves, and what", async () => {
    expect(await healthOf(collector.grpcAddress, "")).toBe("SERVING");
    expect(await healthOf(collector.grpcAddress, "moescope.v1.Collector")).toBe("SERVING");
    expect(await reflectedServices(collector.grpcAddress)).toContain("moescope.v1.Collector");
  });

  test("HTTP clients that it lives and takes in runs", async () => {
    for (const path of ["/healthz", "/readyz"]) expect((await get(collector, path)).status).toBe(200);
  });
});

describe("a limit", () => {
  test("on messages: one that is too large ends the stream", async () => {
    const collector = await testCollector({ limits: { messageBytes: 2048 } });
    const run = describedRun("large", { experts: 2000 });
    const sender = await TestSender.connect(collector.grpcAddress, run);
    sender.send({ step: randomStep(run, { sequence: 1 }) });
    expect(await sender.status).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: /2048/ });
    sender.close();
  });

  test("on streams in all: one more is refused and counted, and taken when another has gone", async () => {
    const collector = await testCollector({ limits: { streams: 2 } });
    const runs = [0, 1, 2].map((index) => describedRun(`stream-${index}`));
    const first = await TestSender.connect(collector.grpcAddress, runs[0]!);
    const second = await TestSender.connect(collector.grpcAddress, runs[1]!);
    const third = new TestSender(collector.grpcAddress);
    expect(await third.status).toMatchObject({
      ...{ code: status.RESOURCE_EXHAUSTED, details: "2 streams are open already" },
    });
    expect(collector.counters.refusedStreams).toEqual({ streams: 1 });
    first.close();
    await first.status;
    await vi.waitFor(async () => expect((await metricsOf(collector)).moescope_streams).toBe(1));
    const again = await TestSender.connect(collector.grpcAddress, runs[2]!);
    for (const sender of [second, third, again]) sender.close();
  });

  test("on silence: a stream that says nothing is ended", async () => {
    const collector = await testCollector({ limits: { helloWithin: 50 } });
    const silent = new TestSender(collector.grpcAddress);
    expect(await silent.status).toMatchObject({ code: status.DEADLINE_EXCEEDED, details: /nothing for 50 ms/ });
    expect(collector.counters.refusedStreams).toEqual({ silent: 1 });
    silent.close();
    const run = describedRun("slow");
    const slow = await TestSender.connect(collector.grpcAddress, run);
    // When another has been ended, so much time has passed for this one too.
    const another = new TestSender(collector.grpcAddress);
    await another.status;
    another.close();
    slow.send({ step: randomStep(run, { sequence: 1 }) });
    await slow.untilAcknowledged(1);
    slow.close();
  });

  test("on silence: a connection that says nothing is cut", async () => {
    const collector = await testCollector({ limits: { helloWithin: 50 } });
    const [host, port] = collector.grpcAddress.split(":");
    await once(connect(Number(port), host).resume(), "close");
    expect(collector.counters.refusedStreams).toEqual({ silent: 1 });
  });

  test("on requests of one address", async () => {
    const collector = await testCollector({ limits: { requestsPerSecond: 2 } });
    const statuses = [];
    for (let request = 0; request < 14; request++) statuses.push((await get(collector, "/healthz")).status);
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(200));
    expect(statuses.at(-1)).toBe(429);
    expect(collector.counters.refusedRequests.rate).toBe(statuses.filter((status) => status === 429).length);
  });

  test("on requests of one address, which fills again, and remembers a bounded number of addresses", () => {
    const limit = new RateLimit(10);
    const burst = Array.from({ length: 51 }, () => limit.take("a", 0));
    expect(burst.indexOf(false)).toBe(50);
    expect(limit.take("b", 0)).toBe(true);
    expect(limit.take("a", 99)).toBe(false);
    expect(limit.take("a", 200)).toBe(true);
    for (let address = 0; address < 20_000; address++) limit.take(String(address), 300);
    expect(limit.addresses).toBe(10_000);
  });

  test("on viewers", async () => {
    const collector = await testCollector({ limits: { viewers: 1 } });
    const viewer = await TestViewer.open(collector);
    const second = await get(collector, "/api/v1/live");
    expect(second.status).toBe(503);
    expect(await second.json()).toEqual({
      error: { message: "1 viewers watch already; one has to leave first" },
    });
    expect(collector.counters.refusedRequests).toEqual({ viewers: 1 });
    viewer.close();
  });

  test("on connections of senders", async () => {
    const collector = await testCollector({ limits: { connections: 1 } });
    const sender = await TestSender.connect(collector.grpcAddress, describedRun("only"));
    const [host, port] = collector.grpcAddress.split(":");
    await once(connect(Number(port), host).resume(), "close");
    expect(collector.counters.refusedStreams).toEqual({ connections: 1 });
    sender.close();
  });

  test("on connections", async () => {
    const collector = await testCollector({ limits: { connections: 1 } });
    const [host, port] = collector.httpAddress.split(":");
    const held = connect(Number(port), host);
    await once(held, "connect");
    held.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await once(held, "data");
    await once(connect(Number(port), host).resume(), "close");
    expect(collector.counters.refusedRequests).toEqual({ connections: 1 });
    held.destroy();
  });

  test.each([
    ["a header", `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, "431", "header"],
    ["an address", `GET /${"x".repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, "431", "header"],
    ["a line", "this is not HTTP\r\n\r\n", "400", "broken"],
  ])("on the length and form of %s", async (_, bytes, status, reason) => {
    const collector = await testCollector();
    const [host, port] = collector.httpAddress.split(":");
    const socket = connect(Number(port), host);
    socket.write(bytes);
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(collector.counters.refusedRequests).toEqual({ [reason]: 1 });
    socket.destroy();
  });
});

test("whoever is refused again and again does not fill the log", () => {
  const lines: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  vi.useFakeTimers();
  try {
    const counts = {};
    const refusals = new Refusals(counts, log, "request");
    for (let time = 0; time < 100; time++) refusals.add("rate", { address: "::1" });
    refusals.add("token", {});
    vi.advanceTimersByTime(60_001);
    refusals.add("rate", { address: "::2" });
    expect(counts).toEqual({ rate: 101, token: 1 });
    expect(lines.map(({ reason, address, since, msg }) => ({ reason, address, since, msg }))).toEqual([
      { reason: "rate", address: "::1", since: undefined, msg: "request refused" },
      { reason: "token", address: undefined, since: undefined, msg: "request refused" },
      { reason: "rate", address: "::2", since: 100, msg: "request refused" },
    ]);
  } finally {
    vi.useRealTimers();
  }
});

/** Every number by its name and labels, buckets of histograms left out. */
async function metricsOf(collector: Collector): Promise<Record<string, number>> {
  const answer = await get(collector, "/metrics");
  expect(answer.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = (await answer.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const numbers = lines.map((line) => [
    line.slice(0, line.lastIndexOf(" ")),
    Number(line.slice(line.lastIndexOf(" "))),
  ]);
  return Object.fromEntries(numbers.filter(([name]) => !String(name).includes("_bucket{")));
}

/** What a client such as grpcurl finds without the schema. */
async function reflectedServices(address: string): Promise<string[]> {
  const directory = dirname(createRequire(import.meta.url).resolve("@grpc/reflection"));
  const file = join(directory, "../proto/grpc/reflection/v1/reflection.proto");
  const definition = loadSync(file)["grpc.reflection.v1.ServerReflection"] as ServiceDefinition;
  const client = new (makeClientConstructor(definition, "ServerReflection"))(address, credentials.createInsecure());
  const call = client.ServerReflectionInfo!() as ClientDuplexStream<object, ListAnswer>;
  call.write({ listServices: "" });
  const [answer] = (await once(call, "data")) as [ListAnswer];
  call.end();
  client.close();
  return answer.listServicesResponse.service.map(({ name }) => name);
}

interface ListAnswer {
  listServicesResponse: { service: { name: string }[] };
}
