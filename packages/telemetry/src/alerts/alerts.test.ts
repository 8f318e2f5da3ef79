// Alerts of a real collector: by HTTP, on the live stream, at a webhook, and after a restart.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { v1 } from "@moescope/proto";
import { expect, it, onTestFinished } from "vitest";
import type { Collector } from "../index.ts";
import { get, temporaryDirectory, testCollector } from "../testing/collector.ts";
import { describedRun, randomStep } from "../testing/runs.ts";
import { TestSender } from "../testing/sender.ts";
import { TestViewer } from "../testing/viewer.ts";

const window = 10;
const run = describedRun("r", { moeLayers: [2], experts: 8, topK: 2, categories: ["text"] });

/** Every token of layer 2 goes to experts 0 and 1, or to any two. */
function step(sequence: number, collapsed: boolean, changes: Partial<v1.Step> = {}): v1.Step {
  const counts = collapsed ? [1000, 1000, 0, 0, 0, 0, 0, 0] : [240, 260, 255, 245, 250, 250, 249, 251];
  const histograms = [{ layer: 2, categories: [{ category: 0, counts, tokens: 1000, dropped: 0 }] }];
  return randomStep(run, { sequence, histograms: histograms as v1.RoutingHistogram[], ...changes });
}

async function send(sender: TestSender, steps: v1.Step[]): Promise<void> {
  for (const step of steps) sender.send({ step });
  await sender.untilAcknowledged(steps.at(-1)!.sequence);
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

interface AlertJson {
  id: string;
  message: string;
}

async function alertsOf(collector: Collector): Promise<AlertJson[]> {
  const { alerts } = (await (await get(collector, "/api/v1/runs/r/alerts")).json()) as { alerts: AlertJson[] };
  return alerts;
}

/** Answers with these statuses, one request after the other, then with 200. */
async function startWebhook(statuses: number[] = []) {
  const received: Record<string, unknown>[] = [];
  let wake = () => {};
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const status = statuses.shift() ?? 200;
    if (status === 200) received.push(JSON.parse(body));
    response.writeHead(status).end();
    wake();
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const until = async (count: number) => {
    while (received.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`, received, until };
}

it("tells of a collapse in the API, live and at the webhook, and of its end", async () => {
  const webhook = await startWebhook();
  const collector = await testCollector({ alerts: { window }, webhook: webhook.url });
  const viewer = await TestViewer.open(collector, "runs=r");
  const sender = await TestSender.connect(collector.grpcAddress, run);

  await send(
    sender,
    numbers(1, 20).map((n) => step(n, false)),
  );
  expect(await alertsOf(collector)).toEqual([]);
  await send(
    sender,
    numbers(21, 40).map((n) => step(n, true)),
  );
  const alerts = await alertsOf(collector);
  expect(alerts).toMatchObject([
    { rule: "COLLAPSE", layer: 2, experts: [1], beganStep: 20, over: false },
    { rule: "DEAD_EXPERTS", layer: 2, experts: [2, 3, 4, 5, 6, 7], beganStep: 20, over: false },
  ]);
  for (const { id } of alerts) expect(await viewer.find(({ alert }) => alert)).toMatchObject({ id });
  await webhook.until(2);
  expect(webhook.received).toMatchObject([
    { run: "r", rule: "COLLAPSE", layer: 2, experts: [1], beganStep: 20, over: false, message: alerts[0]!.message },
    { run: "r", rule: "DEAD_EXPERTS", layer: 2, over: false },
  ]);

  await send(
    sender,
    numbers(41, 60).map((n) => step(n, false)),
  );
  expect(await alertsOf(collector)).toMatchObject([{ over: true }, { over: true }]);
  await webhook.until(4);
  expect(collector.counters).toMatchObject({ alerts: 2, undeliveredAlerts: 0, suppressedAlerts: 0 });
  sender.close();
});

it("adds up ranks before it judges", async () => {
  const collector = await testCollector({ alerts: { window } });
  const twoRanks = describedRun("r", { ...run, ranks: 2 });
  const senders = await Promise.all([0, 1].map((rank) => TestSender.connect(collector.grpcAddress, twoRanks, rank)));
  // Each rank sends its tokens to two experts alone; together they use all eight evenly.
  const lopsided = [
    [500, 500, 500, 500, 0, 0, 0, 0],
    [0, 0, 0, 0, 500, 500, 500, 500],
  ];
  for (const [rank, sender] of senders.entries()) {
    const histograms = [{ layer: 2, categories: [{ category: 0, counts: lopsided[rank]!, tokens: 1000, dropped: 0 }] }];
    const changes = { rank, histograms: histograms as v1.RoutingHistogram[] };
    await send(
      sender,
      numbers(1, 30).map((n) => step(n, true, changes)),
    );
    sender.close();
  }
  expect(await alertsOf(collector)).toEqual([]);
});

it("remembers what it told after a restart, and does not tell it again", async () => {
  const dataDirectory = temporaryDirectory();
  const first = await testCollector({ dataDirectory, alerts: { window } });
  const sender = await TestSender.connect(first.grpcAddress, run);
  await send(
    sender,
    numbers(1, 20).map((n) => step(n, true)),
  );
  const told = await alertsOf(first);
  expect(told).toHaveLength(2);
  sender.close();
  await first.stop();

  const second = await testCollector({ dataDirectory, alerts: { window } });
  expect(await alertsOf(second)).toEqual(told);
  const again = await TestSender.connect(second.grpcAddress, run);
  await send(
    again,
    numbers(21, 60).map((n) => step(n, true)),
  );
  expect(await alertsOf(second)).toEqual(told);
  expect(second.counters.alerts).toBe(0);
  again.close();
});

it("fires when a run falls silent, and not when it ends", async () => {
  const webhook = await startWebhook();
  const collector = await testCollector({ silentAfter: 50, webhook: webhook.url });
  const sender = await TestSender.connect(collector.grpcAddress, run);
  await send(sender, [step(1, false)]);
  sender.cut();
  await webhook.until(1);
  expect(await alertsOf(collector)).toMatchObject([{ rule: "SILENCE", beganStep: 0, over: false }]);
  const again = await TestSender.connect(collector.grpcAddress, run);
  again.send({ end: { run: "r", sequence: 2, outcome: v1.RunEnd.Outcome.FINISHED, endedAt: Date.now() } });
  await again.untilAcknowledged(2);
  again.close();
  expect(await alertsOf(collector)).toMatchObject([{ rule: "SILENCE", over: true }]);
});

it("says of a run that died before the collector was restarted which step and attempt were its last", async () => {
  const dataDirectory = temporaryDirectory();
  const first = await testCollector({ dataDirectory });
  const early = await TestSender.connect(first.grpcAddress, run);
  await send(early, [step(1, false, { step: 90 })]);
  early.close();
  const sender = await TestSender.connect(first.grpcAddress, run, 0, 1);
  await send(
    sender,
    numbers(1, 8).map((sequence) => step(sequence, false, { step: 40 + sequence, attempt: 1 })),
  );
  // An evaluation is of the model as it was after a step; it is not the step that the run was silent since.
  await send(sender, [step(9, false, { step: 99, attempt: 1, split: v1.Split.EVAL })]);
  await first.stop();
  sender.cut();

  const webhook = await startWebhook();
  const second = await testCollector({ dataDirectory, silentAfter: 50, webhook: webhook.url });
  await webhook.until(1);
  const said = { rule: "SILENCE", attempt: 1, beganStep: 48, firedStep: 48, id: "1.silence.0.48" };
  expect(webhook.received).toMatchObject([{ ...said, message: expect.stringMatching(/, since step 48$/) }]);
  expect(await alertsOf(second)).toMatchObject([{ ...said, over: false }]);
});

it("tries a webhook that fails again", async () => {
  const webhook = await startWebhook([503]);
  const collector = await testCollector({ webhook: webhook.url });
  const sender = await TestSender.connect(collector.grpcAddress, run);
  await send(sender, [step(1, false, { scalars: [new v1.Scalar({ name: "loss", value: Number.NaN })] })]);
  await webhook.until(1);
  expect(webhook.received).toMatchObject([{ rule: "NOT_A_NUMBER", beganStep: 0 }]);
  sender.close();
});

it("answers 404 for a run that it does not know", async () => {
  expect((await get(await testCollector(), "/api/v1/runs/nobody/alerts")).status).toBe(404);
});
