// Bytes and requests that no honest program sends, at a running collector: it answers or hangs up, and goes on as if nothing had been.
// FUZZ_ROUNDS sets how many are tried of each kind (default 300), FUZZ_SEED which.
import { once } from "node:events";
import { connect } from "node:net";
import { v1 } from "@moescope/proto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Collector } from "./index.ts";
import { get, getSummary, startTestCollector } from "./testing/collector.ts";
import { describedRun, random, randomStep } from "./testing/runs.ts";
import { TestSender } from "./testing/sender.ts";

const ROUNDS = Number(process.env.FUZZ_ROUNDS ?? 300);
const run = describedRun("fuzzed");
let next = random(0);
const below = (limit: number) => Math.floor(next() * limit);
const pick = <T>(values: readonly T[]): T => values[below(values.length)]!;

let collector: Collector;
beforeAll(async () => {
  // All of it comes from one address, and connections that broke off are found out after 40 seconds.
  collector = await startTestCollector({ limits: { requestsPerSecond: 100_000, connections: 100_000 } });
});
afterAll(() => collector.stop());
beforeEach(() => {
  next = random(Number(process.env.FUZZ_SEED ?? 20_261_121));
});

/** A request that means something, changed in a few bytes, cut, or made longer. */
function mutated(original: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(original.subarray(0, next() < 0.3 ? below(original.length) + 1 : original.length));
  for (let change = below(4); change >= 0; change--) bytes[below(bytes.length)] = below(256);
  return next() < 0.1 ? Uint8Array.from([...bytes, ...bytes]) : bytes;
}

test("messages of a sender", { timeout: 120_000 }, async () => {
  const originals = [
    { hello: { protocolVersion: 1, run, rank: 0, attempt: 0 } },
    { step: randomStep(run, { sequence: 1 }) },
    { end: { run: run.id, sequence: 2, outcome: 1 } },
  ].map((request) => v1.ReportRequest.encode(request).finish());
  for (let round = 0; round < ROUNDS / 10; round++) {
    const sender = await TestSender.connect(collector.grpcAddress, describedRun(`fuzzed-${round}`));
    for (let message = 0; message < 10; message++) sender.sendBytes(mutated(pick(originals)));
    // A last one that is refused for certain, so that all before it have been read; or the stream has ended for a wrong version.
    sender.sendBytes(Uint8Array.of(255));
    await Promise.race([sender.until(() => sender.rejections.some(isLast)), sender.status]).catch(() => undefined);
    sender.close();
  }
  await expectAlive();
});

const isLast = ({ message }: v1.Rejection.$Properties) => message!.startsWith("1 bytes that are no ReportRequest");

test("bytes on the port of senders, and on that of viewers", { timeout: 120_000 }, async () => {
  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
  const headers = [0, 0, 3, 1, 4, 0, 0, 0, 1, 0x83, 0x86, 0x84];
  const http = Buffer.from("GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody");
  for (let round = 0; round < ROUNDS; round++) {
    const frames = Uint8Array.from([...settings, ...headers, ...Array.from({ length: below(200) }, () => below(256))]);
    const senders = Buffer.concat([preface, mutated(frames)]);
    const viewers = mutated(http);
    await Promise.all([hurl(collector.grpcAddress, senders), hurl(collector.httpAddress, viewers)]);
  }
  await expectAlive();
});

/** Sends bytes and hangs up: what is cut off in the middle would be waited for. */
async function hurl(address: string, bytes: Uint8Array): Promise<void> {
  const [host, port] = address.split(":");
  const socket = connect(Number(port), host)
    .on("error", () => {})
    .resume();
  socket.write(bytes, () => socket.destroySoon());
  await once(socket, "close");
}

test("parameters and paths", { timeout: 120_000 }, async () => {
  const asked = describedRun("asked");
  const sender = await TestSender.connect(collector.grpcAddress, asked);
  sender.send({ step: randomStep(asked, { sequence: 1 }) });
  await sender.untilAcknowledged(1);
  sender.close();
  const paths = [
    "runs",
    "runs/asked",
    "runs/asked/history",
    "runs/asked/probe",
    "runs/asked/alerts",
    "live",
    "session",
  ];
  const names = ["from", "to", "points", "layers", "split", "attempt", "step", "runs", "__proto__", "constructor"];
  const values = [
    "0",
    "1",
    "-1",
    "1e9",
    "9007199254740991",
    "9007199254740993",
    "all",
    "none",
    "1,3",
    "3,,1",
    "NaN",
    "train",
  ];
  const odd = [
    "",
    "%00",
    "%2e%2e%2f",
    "..%5c",
    "%",
    "%F0%9F%98%80",
    "'; DROP TABLE runs",
    "{x:String}",
    "\\",
    "a".repeat(3000),
  ];
  const statuses = new Map<number, number>();
  for (let round = 0; round < ROUNDS; round++) {
    const path = next() < 0.8 ? pick(paths) : `${pick(paths)}/${pick(odd)}`;
    const parameters = Array.from({ length: below(4) }, () => `${pick(names)}=${pick([...values, ...odd])}`);
    const answer = await get(collector, `/api/v1/${path}?${parameters.join("&")}`).catch(() => undefined);
    await answer?.body?.cancel();
    const status = answer?.status ?? 0;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    expect({ path, parameters, status }).toMatchObject({ status: expect.toSatisfy((code: number) => code < 500) });
  }
  for (const status of [200, 400, 404]) expect(statuses.get(status)).toBeGreaterThan(0);
  await expectAlive();
});

test("memory does not grow with what is refused", { timeout: 120_000 }, async () => {
  const sender = await TestSender.connect(collector.grpcAddress, describedRun("growing"));
  const flood = async (messages: number) => {
    const before = sender.rejections.length;
    for (let message = 0; message < messages; message++) sender.sendBytes(new Uint8Array(10_000).fill(255));
    await sender.untilRejected(before + messages);
    sender.answers.length = 0;
  };
  await flood(ROUNDS);
  const before = process.memoryUsage().rss;
  for (let time = 0; time < 4; time++) await flood(ROUNDS);
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 2 ** 20);
  sender.close();
});

/** A run is taken in and answered, and nothing of the attempts above is left open. */
async function expectAlive(): Promise<void> {
  const honest = describedRun(`honest-${below(2 ** 32)}`);
  const sender = await TestSender.connect(collector.grpcAddress, honest);
  sender.send({ step: randomStep(honest, { sequence: 1 }) });
  await sender.untilAcknowledged(1);
  expect((await getSummary(collector, honest.id)).steps).toBe(1);
  sender.close();
}
