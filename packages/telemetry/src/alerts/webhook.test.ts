// A webhook that answers with errors: how often it is tried, and that stopping does not wait for it.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { v1 } from "@moescope/proto";
import { pino } from "pino";
import { afterEach, beforeEach, expect, it, type MockInstance, vi } from "vitest";
import type { Counters } from "../counters.ts";
import { Webhook } from "./webhook.ts";

const server = createServer((_, response) => {
  requests++;
  response.writeHead(503).end();
});
let requests: number;
let random: MockInstance<() => number>;
let lines: { alert: string }[];
let counters: Counters;
let webhook: Webhook;

beforeEach(async () => {
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  [requests, lines] = [0, []];
  random = vi.spyOn(Math, "random");
  counters = { undeliveredAlerts: 0 } as Counters;
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  webhook = new Webhook({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, counters, log });
});
afterEach(async () => {
  random.mockRestore();
  await new Promise((resolve) => server.close(resolve));
});

const alert = (message: string) => v1.Alert.create({ run: "r", message });

it("is tried three times for an alert, which is then counted and said, and the next has its turn", async () => {
  random.mockReturnValue(0); // no wait
  webhook.send(alert("first"));
  webhook.send(alert("second"));
  await vi.waitUntil(() => counters.undeliveredAlerts === 2, { interval: 1 });
  expect(lines).toMatchObject([{ alert: "first" }, { alert: "second" }]);
  expect(requests).toBe(6);
});

it("is given up at once by a collector that stops, even while it waits for the next try", async () => {
  const waiting = new Promise<void>((resolve) => {
    random.mockImplementation(() => {
      resolve(); // the wait is being chosen
      return 1 - 2 ** -53;
    });
  });
  webhook.send(alert("lost"));
  await waiting;
  const began = performance.now();
  await webhook.stop();
  expect(performance.now() - began).toBeLessThan(1000); // the wait would be two seconds
  expect({ lines, requests, counters }).toMatchObject({
    ...{ lines: [{ alert: "lost" }], requests: 1, counters: { undeliveredAlerts: 1 } },
  });
});
